"""What one core does, beside what people would pick instead: `make bench`, method in docs/performance.md."""
