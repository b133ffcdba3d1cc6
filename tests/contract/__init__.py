"""What holds for every provider of webhooks, tried on each of them through the gateway and a real Kafka."""
