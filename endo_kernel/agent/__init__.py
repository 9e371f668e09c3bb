"""The agent: what moves a task on, its tools, its system prompt, and the models that it talks to."""
