"""What people write: enough of it to be looked at."""

ASKED = (
    "Where is my parcel?",
    "The invoice of last month is wrong.",
    "How do I change my address?",
    "Schöne Grüße, I would like to cancel.",
    "My password does not work any more.",
    "Can I still change my order?",
)
MORE = ("Any news?", "Thank you! And the other one?", "I have sent you a picture.", "That did not help.", "Hello?")
REPLIED = (
    "I will look into it.",
    "Done, please try again.",
    "It will be there tomorrow.",
    "Could you tell me the number?",
)
GREETING = "Hello, we will be with you in a moment."
NOTE = "Has called twice already."
ACKNOWLEDGEMENT = "We have received your message."
ABSENCE = "I am out of office until Monday."
BOUNCE = "Your message could not be delivered."
SURVEY = "Please rate this conversation."
