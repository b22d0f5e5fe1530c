"""Commands that call a provider, TeleClínica at its simulator: tables, JSON, exit codes, sentences."""
