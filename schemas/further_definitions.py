"""The metrics of promises, of surveys and of resolutions."""

from schemas.definition import Definition
from schemas.durations import definitions

_ZENDESK = "Zendesk, SLA policies; by contact centre practice"
OF_CLOCK = ".CLOCK"

PROMISES: tuple[Definition, ...] = (
    Definition(
        id="sla_compliance",
        suffix=OF_CLOCK,
        unit="fraction",
        direction="higher",
        meaning=(
            "Share of the clocks that were done in time, of those decided: by the minute in which it was, so a breach "
            "counts at its due instant, whenever it was found. Cancelled ones are in neither."
        ),
        formula="attained / (attained + breached)",
        source=_ZENDESK,
        shown="promised",
    ),
    Definition(
        id="sla_met",
        suffix=OF_CLOCK,
        unit="promises",
        direction="higher",
        meaning="Clocks that were done in time, by the minute of their end.",
        formula="count of attained",
        source=_ZENDESK,
        shown="promised",
    ),
    Definition(
        id="sla_breached",
        suffix=OF_CLOCK,
        unit="promises",
        direction="lower",
        meaning="Clocks that were not done when they were due, by the minute of that instant.",
        formula="count of breached",
        source=_ZENDESK,
        shown="promised",
    ),
    Definition(
        id="sla_open",
        suffix=OF_CLOCK,
        unit="promises",
        direction="neutral",
        meaning="Clocks that run or pause and are not breached, whatever the window.",
        formula="running + paused, now",
        source=_ZENDESK,
        shown="promised_live",
    ),
    Definition(
        id="sla_at_risk",
        suffix=OF_CLOCK,
        unit="promises",
        direction="lower",
        meaning="Clocks that run past the first at-risk share of their target and are not breached; n: all open ones.",
        formula="running and past the share, now",
        source=_ZENDESK,
        shown="promised_live",
    ),
    Definition(
        id="time_to_breach",
        suffix=OF_CLOCK,
        unit="s",
        direction="higher",
        meaning=(
            "Time from the watermark until the first of the running clocks is due, on the wall and not in business "
            "time, whatever the window; n: how many run. Null where none does; where some are open they all pause."
        ),
        formula="min of due instants of the running - clock",
        source=_ZENDESK,
        shown="promised_live",
    ),
    Definition(
        id="sla_compliance_live_low",
        suffix=OF_CLOCK,
        unit="fraction",
        direction="higher",
        meaning="The least that can become of the compliance: as if every open clock were breached.",
        formula="attained / (attained + breached + open)",
        source="plain",
        shown="promised_live",
    ),
    Definition(
        id="sla_compliance_live_high",
        suffix=OF_CLOCK,
        unit="fraction",
        direction="higher",
        meaning="The most that can become of the compliance: as if every open clock were attained.",
        formula="(attained + open) / (attained + breached + open)",
        source="plain",
        shown="promised_live",
    ),
)

_WIDEST = 0.15

SURVEYS: tuple[Definition, ...] = (
    Definition(
        id="surveys_answered",
        unit="answers",
        direction="neutral",
        meaning=(
            "Answers of surveys of any kind and scale, by the minute of the answer. Those on scales of which no other "
            "metric tells (CSAT but 1 to 5 and good or bad, NPS but 0 to 10, CES but 1 to 7) count here alone."
        ),
        formula="count of survey.answered",
        source="plain",
        shown="surveyed",
    ),
    Definition(
        id="csat",
        unit="fraction",
        direction="higher",
        meaning="Share of the satisfied: 4 and 5 on a scale from 1 to 5, good where the choice is good or bad.",
        formula="(answers 4-5 of 5 + good) / (answers on 1-5 + good + bad)",
        source="top-2-box; Zendesk, satisfaction score",
        shown="surveyed",
        least=30,
        widest=_WIDEST,
    ),
    Definition(
        id="csat_mean",
        unit="score",
        direction="higher",
        meaning="Mean satisfaction on the scale from 1 to 5; good or bad is not in it.",
        formula="sum of scores on 1-5 / answers on 1-5",
        source="common practice",
        shown="surveyed",
        least=30,
    ),
    Definition(
        id="nps",
        unit="points",
        direction="higher",
        meaning="Net promoter score, -100 to 100: promoters say 9 or 10, detractors 0 to 6.",
        formula="100 x (promoters - detractors) / answers",
        source="Reichheld, The One Number You Need to Grow, 2003; interval: Rocks, 2016 (adjusted Wald)",
        shown="surveyed",
        least=100,
    ),
    Definition(
        id="ces_mean",
        unit="score",
        direction="higher",
        meaning="Mean of how far customers agree, from 1 to 7, that it was made easy for them.",
        formula="sum of scores / answers",
        source="CEB, Customer Effort Score 2.0",
        shown="surveyed",
        least=30,
    ),
    Definition(
        id="ces_agree",
        unit="fraction",
        direction="higher",
        meaning="Share of those who agree (5, 6, 7 of 7) that it was made easy for them.",
        formula="answers 5-7 / answers",
        source="CEB, Customer Effort Score 2.0",
        shown="surveyed",
        least=30,
        widest=_WIDEST,
    ),
    Definition(
        id="ces_index",
        unit="points",
        direction="higher",
        meaning="Those for whom it was easy (6, 7 of 7) less those for whom it was not (1 to 3), -100 to 100.",
        formula="100 x (answers 6-7 - answers 1-3) / answers",
        source="common practice; interval: Rocks, 2016 (adjusted Wald)",
        shown="surveyed",
        least=100,
    ),
)

RESOLUTIONS: tuple[Definition, ...] = (
    *definitions(),
    Definition(
        id="reopen_rate",
        unit="fraction",
        direction="lower",
        meaning=(
            "How often contacts were opened again for each time that one was solved, both by the minute in which it "
            "was: above 1 where more were opened again than solved, and then without an interval. Below 0.05 is good, "
            "above 0.08 poor."
        ),
        formula="count of opened again / count of solved",
        source="Zendesk, reopens of a ticket; event form",
        shown="solved",
    ),
)
