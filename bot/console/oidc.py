"""Signing in with the clinic's identity provider (OpenID Connect Core 1.0; authorisation code, PKCE, state, nonce).

Authlib does the protocol. Here is what is the clinic's own: which claim makes which role, and whose account it is.
"""

from __future__ import annotations

import os
import time
from typing import Any

from authlib.integrations.starlette_client import OAuth, OAuthError
from fastapi import Request, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clinic.sign_in import OpenIdConnect
from bot.console import staff
from bot.console.staff import StaffError
from bot.store.models import Audit, Staff

COOKIE = "evoke_oidc"
PATH = "/console/oidc"
MINUTES = 10
"""From the click on the button to the way back."""
TIMEOUT_SECONDS = 10
DESCRIPTION_LASTS = 3600.0
"""Seconds."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a private key of the provider's: neither "none" nor a shared secret, whatever it says of itself."""


class OidcError(Exception):
    """The sign-in did not work; the message is one sentence for the person."""


class Provider:
    """The provider, as the clinic has set it.

    Args:
        config: the settings; the secret is read from the environment when it is needed.
        key: signs the cookie that keeps state, nonce and code verifier from the start to the way back.
    """

    def __init__(self, config: OpenIdConnect, key: str) -> None:
        self.config = config
        self._signer = URLSafeTimedSerializer(key, salt="evoke-console-oidc")
        self._known: Any = None

    async def start(self, request: Request, redirect_uri: str, next_page: str, *, secure: bool) -> Response:
        """Sends the browser to the provider.

        Raises:
            whatever Authlib and httpx raise when the provider cannot be reached or understood.
        """
        request.scope["session"] = session = {"next": next_page}
        response: Response = await (await self._client()).authorize_redirect(request, redirect_uri)
        response.set_cookie(
            COOKIE,
            self._signer.dumps(session),
            path=PATH,
            max_age=MINUTES * 60,
            httponly=True,
            samesite="lax",
            secure=secure,
        )
        return response

    async def come_back(self, request: Request) -> tuple[dict[str, Any], str]:
        """What the provider says about who came back, and the page they wanted.

        Raises:
            OidcError: the provider refused, or this browser did not start here.
            whatever Authlib, joserfc and httpx raise when an answer is not as it has to be.
        """
        try:
            session = self._signer.loads(request.cookies.get(COOKIE, ""), max_age=MINUTES * 60)
        except BadSignature:
            raise OidcError("The sign-in took too long, or began in another browser: start again.") from None
        request.scope["session"] = session
        client = await self._client()
        options = {"iss": {"value": self.config.issuer}, "aud": {"value": self.config.client_id}}
        try:
            token = await client.authorize_access_token(request, claims_options=options)
        except OAuthError as error:
            raise OidcError(f"{self.config.name} did not let you in ({str(error.error)[:40]}): start again.") from None
        claims = dict(token.get("userinfo") or {})
        if not claims.get("sub"):
            raise OidcError(f"{self.config.name} did not say who you are.")
        if values_of(claims, self.config.role_claim) is None and client.server_metadata.get("userinfo_endpoint"):
            more = dict(await client.userinfo(token=token))
            if more.get("sub") == claims["sub"]:
                claims = {**more, **claims}
        return claims, str(session.get("next", ""))

    async def _client(self) -> Any:
        """Authlib's client, which knows the provider's description; asked for anew after an hour."""
        if self._known is not None and time.time() - self._known.server_metadata["_loaded_at"] < DESCRIPTION_LASTS:
            return self._known
        config = self.config
        client = OAuth().register(
            "clinic",
            client_id=config.client_id,
            client_secret=os.environ.get(config.secret_env, ""),
            server_metadata_url=config.issuer.rstrip("/") + "/.well-known/openid-configuration",
            client_kwargs={
                "scope": " ".join(config.scopes),
                "code_challenge_method": "S256",
                "timeout": TIMEOUT_SECONDS,
            },
        )
        metadata = await client.load_server_metadata()
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        metadata["id_token_signing_alg_values_supported"] = [name for name in offered if name in ALGORITHMS]
        if metadata.get("issuer") != config.issuer:
            raise OidcError(f"{config.name} calls itself otherwise than clinic.yml does: look at `issuer` there.")
        self._known = client
        return client


def values_of(claims: dict[str, Any], name: str) -> list[Any] | None:
    """The values of a claim; dots lead into what is nested, unless a claim has just that name."""
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    if found is None:
        return None
    return found if isinstance(found, list) else [found]


def role_for(claims: dict[str, Any], config: OpenIdConnect) -> str | None:
    """The first role of the clinic's list whose value somebody has; None when they have none."""
    values = values_of(claims, config.role_claim) or []
    return next((role for value, role in config.roles.items() if value in values), None)


def person_for(session: Session, claims: dict[str, Any], config: OpenIdConnect, now: Any) -> Staff:
    """The account of who came back: theirs, or one with their verified e-mail address, or a new one.

    The provider says the role, each time.

    Raises:
        StaffError: they have no role here, no access, or their address is somebody else's.
    """
    role = role_for(claims, config)
    if role is None:
        raise StaffError("Your account has no role here: ask whoever looks after accounts at your clinic.")
    subject = f"{config.issuer} {claims['sub']}"
    person = session.scalars(select(Staff).where(Staff.oidc_subject == subject).with_for_update()).first()
    if person is None:
        person = _by_email(session, claims, role, now)
        person.oidc_subject = subject[:512]
        session.add(Audit(at=now, staff_id=person.id, action="link_clinic_account", subject=person.id))
    if person.disabled_at is not None:
        raise StaffError("You have no access here any more: ask an administrator.")
    staff.set_role(session, person.id, role, now, by=None)
    session.add(Audit(at=now, staff_id=person.id, action="sign_in", subject=person.id))
    session.flush()
    return person


def _by_email(session: Session, claims: dict[str, Any], role: str, now: Any) -> Staff:
    email = str(claims.get("email") or "").strip().lower()
    name = str(claims.get("name") or email)
    there = session.scalars(select(Staff).where(Staff.email == email).with_for_update()).first()
    if there is None:
        return staff.create_staff(session, email, name, role, None, now)
    if claims.get("email_verified") is not True or there.oidc_subject is not None:
        raise StaffError("There is an account with your e-mail address already: ask an administrator.")
    return there
