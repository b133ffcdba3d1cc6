"""How it moves: the engine on Kafka, connectors in, the embedded broker. Imports `schemas` alone."""
