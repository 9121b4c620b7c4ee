"""What a clinic sets about signing in to the console: idleness, second factor, and its own identity provider."""

from __future__ import annotations

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from bot.clinic.rules import Strict

Role = Literal["admin", "clinician", "front_desk", "auditor"]


class OpenIdConnect(Strict):
    """The clinic's identity provider (OpenID Connect Core 1.0, authorisation code with PKCE)."""

    name: str = Field("your clinic account", min_length=1, max_length=80, description="on the button")
    issuer: str = Field(description="its discovery document is below /.well-known/openid-configuration")
    client_id: str = Field(min_length=1)
    secret_env: str = "EVOKE_OIDC_SECRET"
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    role_claim: str = Field("groups", description="dots lead into what is nested: realm_access.roles")
    roles: dict[str, Role] = Field(min_length=1, description="a value of the claim -> a role here")

    @field_validator("issuer")
    @classmethod
    def _private(cls, value: str) -> str:
        address = urlsplit(value)
        local = address.scheme == "http" and address.hostname in ("localhost", "127.0.0.1")
        if not (address.scheme == "https" and address.hostname) and not local:
            raise ValueError(f"{value!r} is no https:// address")
        return value

    @field_validator("scopes")
    @classmethod
    def _is_oidc(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in value:
            raise ValueError("'openid' has to be among the scopes")
        return value


class SignIn(Strict):
    """How staff sign in."""

    idle_minutes: int = Field(20, ge=1, le=240)
    second_factor_for: frozenset[Role] = frozenset()
    password: bool = True
    oidc: OpenIdConnect | None = None

    @model_validator(mode="after")
    def _some_way_in(self) -> Self:
        if not self.password and self.oidc is None:
            raise ValueError("without passwords nobody can sign in: set 'oidc', or leave 'password' on")
        return self
