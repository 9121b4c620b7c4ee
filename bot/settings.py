"""Every setting, typed and documented. Each can be set as an environment variable: EVOKE_PORT, EVOKE_HOME …"""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: data/, domain.yml and the two environments are found from here."""


class Settings(BaseSettings):
    """What a deployment can set. docs/settings.md lists the same, and a test compares the two."""

    model_config = SettingsConfigDict(env_prefix="EVOKE_", extra="ignore")

    home: Path = Field(ROOT / "var", description="Folder for the database, the session key and logs.")
    database_url: str = Field(
        "", description="SQLAlchemy address of the database; empty means SQLite in the home folder."
    )
    host: str = Field("127.0.0.1", description="Address that the web API, widget and console listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port they listen on; 0 takes any free one.")
    public_url: str = Field("", description="Address clients and staff use, for links; empty means host and port.")
    clinic_file: Path = Field(ROOT / "clinic.yml", description="The clinic's own settings (docs/clinic-settings.md).")
    allowed_origins: list[str] = Field(
        default_factory=list, description='Web sites that may embed the widget, as JSON: ["https://clinic.example"].'
    )
    telegram_token: SecretStr = Field(
        SecretStr(""), description="Bot token from @BotFather; empty leaves Telegram off."
    )
    telegram_base_url: str = Field(
        "https://api.telegram.org/bot", description="Address of the Bot API; tests point it at a local stand-in."
    )
    telegram_webhook_secret: SecretStr = Field(
        SecretStr(""),
        description="Made-up secret that Telegram shows at each call; with it and public_url Telegram calls us, "
        "without it we poll.",
    )
    telegram_messages_per_second: float = Field(
        25.0, gt=0, description="Messages a second to all chats together; Telegram allows about 30."
    )
    models: Path = Field(ROOT / "models", description="Folder of the trained models.")
    model: Path | None = Field(
        None, description="A trained model to use as it is, instead of one for the present data."
    )
    risk_model: Path | None = Field(
        None, description="A trained risk model to use as it is, instead of one for the present data."
    )
    rasa_python: Path = Field(ROOT / ".venv-rasa" / "bin" / "python", description="Python of Rasa's own environment.")
    rasa_timeout: float = Field(20.0, gt=0, description="Seconds to wait for Rasa's answer to one try.")
    screen_timeout: float = Field(2.0, gt=0, description="Seconds the safety screen may take before it fails closed.")
    patience: float = Field(9.0, ge=0, description="Seconds an answer may be late before the client is told so.")
    messages_per_minute: int = Field(30, gt=0, description="A client's messages a minute before a polite 429.")
    new_conversations_per_minute: int = Field(
        30, gt=0, description="New conversations a minute from one address before a polite 429."
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR. No level logs what clients write.")

    @field_validator("telegram_webhook_secret")
    @classmethod
    def _can_be_a_secret(cls, value: SecretStr) -> SecretStr:
        # What setWebhook takes: https://core.telegram.org/bots/api#setwebhook
        secret = value.get_secret_value()
        if secret and not re.fullmatch(r"[A-Za-z0-9_-]{16,256}", secret):
            raise ValueError("it has 16 to 256 letters, digits, _ and -; `openssl rand -hex 32` makes one")
        return value

    @property
    def database(self) -> str:
        """The database's SQLAlchemy address."""
        return self.database_url or f"sqlite:///{self.home / 'evoke.db'}"

    @property
    def workflow_database(self) -> str:
        """Where DBOS keeps its workflows: a file beside the database, or a schema ("dbos") in PostgreSQL."""
        if make_url(self.database).get_backend_name() == "sqlite":
            return f"{self.database.removesuffix('.db')}-workflows.db"
        return self.database

    def session_key(self) -> str:
        """The key that signs staff sessions, made once and kept (mode 600) in the home folder."""
        path = self.home / "session.key"
        if not path.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(48))
        return path.read_text().strip()
