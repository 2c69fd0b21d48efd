"""A provider that is not one: speaks the OpenAI and Anthropic wire, for the demo, tests, benchmarks."""
