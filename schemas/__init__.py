"""What is said: canonical events, the records of every topic, metric definitions and policies.

Pure data. Nothing here imports another package of this project, Faust or Kafka.
"""
