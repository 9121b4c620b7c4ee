"""A small identity provider: OpenID Connect with PKCE over HTTP. Whoever comes is let in as `claims` say.

Tests make it misbehave by changing an attribute.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import secrets
import socket
import threading
import time
from typing import Any
from urllib.parse import parse_qs, urlencode

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT_ID, SECRET = "evoke-console", "a secret of the provider's"


@functools.cache
def _keys() -> tuple[RSAKey, RSAKey]:
    """The provider's key and a stranger's, made once: that takes a while."""
    return RSAKey.generate_key(2048, {"kid": "one"}), RSAKey.generate_key(2048, {"kid": "one"})


class OidcProvider:
    """`claims` are what it says about the next person; `id_token` overrides what it signs; `asked` are the requests."""

    def __init__(self) -> None:
        self.key, self.other_key = _keys()
        self.claims: dict[str, Any] = {}
        self.user_info: dict[str, Any] = {}
        self.id_token: dict[str, Any] = {}
        self.sign_with: Any = self.key
        self.algorithm = "RS256"
        self.offers = ["RS256"]
        self.refuses = ""
        self.issuer_says = ""
        self.asked: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(self._app(), log_level="error", ws="none", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def start(self) -> OidcProvider:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()

    def _app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)

        @app.get("/.well-known/openid-configuration")
        def discovery() -> dict[str, Any]:
            return {
                "issuer": self.issuer_says or self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/jwks",
                "id_token_signing_alg_values_supported": self.offers,
                "code_challenge_methods_supported": ["S256"],
            }

        @app.get("/jwks")
        def jwks() -> dict[str, Any]:
            return {"keys": [self.key.as_dict(private=False)]}

        @app.get("/authorize")
        def authorize(request: Request) -> Response:
            asked = dict(request.query_params)
            self.asked.append(asked)
            back: dict[str, str] = {"state": asked["state"]}
            if self.refuses:
                back["error"] = self.refuses
            elif asked.get("code_challenge_method") != "S256" or asked["client_id"] != CLIENT_ID:
                back["error"] = "invalid_request"
            else:
                back["code"] = secrets.token_urlsafe(16)
                self._codes[back["code"]] = asked
            return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)

        @app.post("/token")
        async def token(request: Request) -> Response:
            given = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
            basic = base64.b64encode(f"{CLIENT_ID}:{SECRET}".encode()).decode()
            asked = self._codes.pop(given.get("code", ""), None)
            digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
            if (
                asked is None
                or request.headers.get("authorization") != f"Basic {basic}"
                or given.get("redirect_uri") != asked["redirect_uri"]
                or base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]
            ):
                return JSONResponse({"error": "invalid_grant"}, 400)
            now = int(time.time())
            said = {
                "iss": self.url,
                "aud": CLIENT_ID,
                "iat": now,
                "exp": now + 300,
                "nonce": asked["nonce"],
                **self.claims,
                **self.id_token,
            }
            answer = {"access_token": "opaque", "token_type": "Bearer", "expires_in": 300}
            if self.algorithm:
                header = {"alg": self.algorithm, "kid": "one"}
                algorithms = [self.algorithm]
                answer["id_token"] = jwt.encode(header, said, self.sign_with, algorithms=algorithms)  # type: ignore[assignment]
            return JSONResponse(answer)

        @app.get("/userinfo")
        def userinfo() -> dict[str, Any]:
            return self.user_info

        return app


def shared_secret() -> OctKey:
    """The client's secret as a key: what a forger who knows it could sign with."""
    return OctKey.import_key(SECRET.ljust(32, "x"))
