"""Stand-ins for what lies outside Evoke: Telegram's server, Rasa, a broken database. Fakes, not mocks: they do work."""
