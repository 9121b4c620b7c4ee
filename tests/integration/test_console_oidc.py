"""Signing in with the clinic's identity provider, over real HTTP; and every way in which its answer can be wrong."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from bot.clinic.sign_in import OpenIdConnect, SignIn
from bot.console.oidc import role_for
from bot.store.models import Staff
from tests.fakes.console import audit, post, sign_in, stored, tab
from tests.fakes.oidc_provider import CLIENT_ID, SECRET, OidcProvider, shared_secret

KIM = {"sub": "kim-1", "email": "Kim@clinic.example", "email_verified": True, "name": "Kim", "groups": ["therapists"]}


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    provider = OidcProvider().start()
    provider.claims = dict(KIM)
    yield provider
    provider.stop()


@pytest.fixture
async def outside() -> AsyncIterator[httpx.AsyncClient]:
    """The browser on the provider's pages."""
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture(autouse=True)
def _clinic(clinic: Any, provider: OidcProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOKE_OIDC_SECRET", SECRET)
    use(clinic, provider)


def use(clinic: Any, provider: OidcProvider, **changes: Any) -> None:
    """Has the clinic's staff sign in with this provider."""
    oidc = {
        "name": "Clinic login",
        "issuer": provider.url,
        "client_id": CLIENT_ID,
        "roles": {"evoke-admins": "admin", "therapists": "clinician"},
    }
    settings = SignIn.model_validate({"oidc": {**oidc, **changes.pop("oidc", {})}, **changes})
    clinic.app.state.clinic = clinic.app.state.clinic.model_copy(update={"sign_in": settings})


async def go(browser: httpx.AsyncClient, outside: httpx.AsyncClient, next_page: str = "") -> httpx.Response:
    """From the button to the provider and back; the console's last answer."""
    start = await browser.get("/console/oidc", params={"next": next_page} if next_page else {})
    assert start.status_code == 302, start.text
    there = await outside.get(start.headers["location"])
    return await browser.get(there.headers["location"])


def kim(clinic: Any) -> Staff | None:
    return clinic.db.read_now(
        lambda session: session.scalars(select(Staff).where(Staff.email == "kim@clinic.example")).first()
    )


async def test_a_therapist_signs_in_and_gets_the_page_they_wanted_and_their_role(browser, outside, clinic):
    assert "Sign in with Clinic login" in (await browser.get("/console/sign-in")).text
    answer = await go(browser, outside, next_page="/console/appointments")
    assert answer.headers["location"] == "/console/appointments"
    assert (await browser.get("/console/queue")).status_code == 200
    assert (await browser.get("/console/staff")).status_code == 403
    person = kim(clinic)
    assert (person.name, person.role, person.password_hash) == ("Kim", "clinician", "")
    assert (person.id, "sign_in", person.id) in audit(clinic)


async def test_the_request_has_pkce_state_and_nonce_new_each_time(browser, outside, provider):
    await go(browser, outside)
    await go(browser, outside)
    first, second = provider.asked
    assert (first["response_type"], first["code_challenge_method"], first["scope"]) == (
        "code",
        "S256",
        "openid email profile",
    )
    assert first["redirect_uri"] == "http://console.test/console/oidc/back"
    for value in ("state", "nonce", "code_challenge"):
        assert len(first[value]) >= 20
        assert first[value] != second[value]


async def test_the_second_time_it_is_the_same_account_even_with_another_address(browser, outside, clinic, provider):
    await go(browser, outside)
    before = kim(clinic).id
    provider.claims |= {"email": "kim.new@clinic.example"}
    await go(browser, outside)
    people = clinic.db.read_now(lambda session: list(session.scalars(select(Staff.id))))
    assert len(people) == 5
    assert before in people


async def test_the_provider_says_the_role_each_time(browser, outside, clinic, provider):
    await go(browser, outside)
    provider.claims["groups"] = ["therapists", "evoke-admins"]
    assert (await go(browser, outside)).headers["location"] == "/console/queue"
    assert kim(clinic).role == "admin"
    provider.claims["groups"] = ["cleaners"]
    refused = await go(browser, outside)
    assert refused.status_code == 403
    assert "no role here" in refused.text


async def test_a_role_can_be_nested_or_come_from_the_userinfo_endpoint(browser, outside, clinic, provider):
    use(clinic, provider, oidc={"role_claim": "realm_access.roles"})
    del provider.claims["groups"]
    provider.user_info = {"sub": "kim-1", "realm_access": {"roles": ["evoke-admins"]}}
    await go(browser, outside)
    assert kim(clinic).role == "admin"


async def test_userinfo_about_somebody_else_is_not_believed(browser, outside, clinic, provider):
    del provider.claims["groups"]
    provider.user_info = {"sub": "boss", "groups": ["evoke-admins"]}
    assert (await go(browser, outside)).status_code == 403
    assert kim(clinic) is None


async def test_a_local_account_with_the_verified_address_becomes_theirs(browser, outside, clinic, provider):
    provider.claims |= {"email": "clinician@clinic.example"}
    await go(browser, outside)
    assert stored(clinic, Staff, "clinician").oidc_subject == f"{provider.url} kim-1"


@pytest.mark.parametrize("verified", [False, None, "true"])
async def test_an_address_that_is_not_verified_takes_no_account_over(browser, outside, clinic, provider, verified):
    provider.claims |= {"email": "admin@clinic.example", "email_verified": verified, "groups": ["evoke-admins"]}
    answer = await go(browser, outside)
    assert answer.status_code == 403
    assert "account with your e-mail address already" in answer.text
    assert stored(clinic, Staff, "admin").oidc_subject is None
    assert (await browser.get("/console/staff")).status_code == 303


async def test_who_lost_access_here_stays_out(browser, outside, clinic, provider):
    await go(browser, outside)
    async with tab(clinic, role="admin") as admin:
        await post(admin, f"/console/staff/{kim(clinic).id}/disable")
    assert (await go(browser, outside)).status_code == 403
    assert (await browser.get("/console/queue")).status_code == 303


async def test_passwords_can_be_switched_off(browser, outside, clinic, provider):
    use(clinic, provider, password=False)
    page = (await browser.get("/console/sign-in")).text
    assert 'type="password"' not in page
    async with tab(clinic) as other:
        use(clinic, provider)
        form = await other.get("/console/sign-in")
        assert 'type="password"' in form.text
        use(clinic, provider, password=False)
        token = form.text.split('name="token" value="')[1].split('"')[0]
        fields = {"token": token, "email": "admin@clinic.example", "password": "correct horse battery"}
        assert (await other.post("/console/sign-in", data=fields)).status_code == 403
    assert (await go(browser, outside)).status_code == 303


async def test_a_second_factor_of_evoke_s_own_is_for_passwords_and_not_asked_for_here(
    browser, outside, clinic, provider
):
    use(clinic, provider, second_factor_for=["clinician"])
    await go(browser, outside)
    assert (await browser.get("/console/queue")).status_code == 200
    assert "which looks after this" in (await browser.get("/console/account")).text


async def test_idleness_ends_these_visits_too(browser, outside, clinic):
    await go(browser, outside)
    clinic.now += timedelta(minutes=21)
    assert (await browser.get("/console/queue")).status_code == 303


# What can be wrong


async def test_a_way_back_that_began_in_another_browser_is_refused(browser, outside, clinic):
    start = await browser.get("/console/oidc")
    back = (await outside.get(start.headers["location"])).headers["location"]
    async with tab(clinic) as victim:
        answer = await victim.get(back)
        assert answer.status_code == 403
        await victim.get("/console/oidc")  # one that has begun a sign-in of its own
        assert (await victim.get(back)).status_code == 403
        assert (await victim.get("/console/queue")).status_code == 303
    assert kim(clinic) is None


async def test_a_way_back_works_once(browser, outside, clinic):
    start = await browser.get("/console/oidc")
    back = (await outside.get(start.headers["location"])).headers["location"]
    cookie = browser.cookies["evoke_oidc"]
    assert (await browser.get(back)).status_code == 303
    assert "evoke_oidc" not in browser.cookies
    assert (await browser.get(back)).status_code == 403
    browser.cookies.set("evoke_oidc", cookie, path="/console/oidc")
    assert (await browser.get(back)).status_code == 403  # the provider has used the code up


async def test_a_code_without_its_verifier_is_of_no_use(outside, provider):
    """What PKCE is for: somebody who catches the code on its way has not the verifier."""
    digest = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    asked = {"client_id": CLIENT_ID, "code_challenge": digest, "code_challenge_method": "S256", "nonce": "n"}
    asked |= {"state": "s", "redirect_uri": "http://console.test/console/oidc/back"}
    back = httpx.URL((await outside.get(f"{provider.url}/authorize", params=asked)).headers["location"])
    fields = {"code": back.params["code"], "redirect_uri": asked["redirect_uri"], "code_verifier": "guessed"}
    assert (await outside.post(f"{provider.url}/token", data=fields, auth=(CLIENT_ID, SECRET))).status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "another"},
        {"aud": "another-client"},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
        {"iss": "https://evil.example"},
        {"exp": 1_700_000_000},
        {"iat": "yesterday"},
        {"sub": ""},
    ],
    ids=lambda wrong: "-".join(wrong),
)
async def test_an_id_token_that_is_not_for_this_sign_in_is_refused(browser, outside, clinic, provider, wrong):
    provider.id_token = wrong
    answer = await go(browser, outside)
    assert answer.status_code in (403, 502)
    assert (await browser.get("/console/queue")).status_code == 303
    assert kim(clinic) is None
    assert (None, "clinic_account_refused", "") in audit(clinic)


async def test_an_id_token_signed_by_another_key_is_refused(browser, outside, clinic, provider):
    provider.sign_with = provider.other_key
    assert (await go(browser, outside)).status_code == 502
    assert kim(clinic) is None


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_a_weaker_signature_is_refused_even_when_the_provider_offers_it(
    browser, outside, clinic, provider, algorithm
):
    provider.offers = ["RS256", algorithm]
    provider.algorithm, provider.sign_with = algorithm, shared_secret()
    assert (await go(browser, outside)).status_code == 502
    assert kim(clinic) is None


async def test_an_answer_without_an_id_token_is_refused(browser, outside, clinic, provider):
    provider.algorithm = ""
    assert (await go(browser, outside)).status_code == 403
    assert kim(clinic) is None


async def test_a_wrong_secret_is_refused(browser, outside, clinic, monkeypatch):
    monkeypatch.setenv("EVOKE_OIDC_SECRET", "wrong")
    assert (await go(browser, outside)).status_code == 403
    assert kim(clinic) is None


async def test_who_says_no_at_the_provider_is_told_so(browser, outside, provider):
    provider.refuses = "access_denied"
    answer = await go(browser, outside)
    assert answer.status_code == 403
    assert "Clinic login did not let you in (access_denied)" in answer.text


async def test_a_provider_that_calls_itself_otherwise_is_not_used(browser, provider):
    provider.issuer_says = "https://evil.example"
    answer = await browser.get("/console/oidc")
    assert answer.status_code == 502
    assert "look at `issuer`" in answer.text


async def test_a_provider_that_is_down_is_a_page(browser, provider):
    provider.stop()
    answer = await browser.get("/console/oidc")
    assert answer.status_code == 502
    assert "does not answer just now" in answer.text


async def test_without_a_provider_there_is_no_such_page(browser, clinic):
    clinic.app.state.clinic = clinic.app.state.clinic.model_copy(update={"sign_in": SignIn()})
    assert (await browser.get("/console/oidc")).status_code == 404
    assert (await browser.get("/console/oidc/back?code=x&state=y")).status_code == 404


async def test_the_last_administrator_is_not_demoted_by_the_provider_either(browser, outside, clinic, provider):
    provider.claims |= {"email": "admin@clinic.example"}
    answer = await go(browser, outside)
    assert answer.status_code == 403
    assert "the last administrator" in answer.text
    assert stored(clinic, Staff, "admin").role == "admin"
    assert (await sign_in(browser, "admin")).status_code == 303


@pytest.mark.parametrize(
    ("claim", "claims", "role"),
    [
        ("groups", {"groups": ["a", "therapists"]}, "clinician"),
        ("groups", {"groups": "therapists"}, "clinician"),
        ("groups", {"groups": ["therapists", "admins"]}, "admin"),
        ("groups", {"groups": {"therapists": True}}, None),
        ("groups", {}, None),
        ("realm.roles", {"realm": {"roles": ["admins"]}}, "admin"),
        ("realm.roles", {"realm": ["admins"]}, None),
        ("https://clinic.example/roles", {"https://clinic.example/roles": ["admins"]}, "admin"),
    ],
)
def test_a_claim_is_mapped_to_the_first_role_of_the_clinic_s_list(claim, claims, role):
    roles = {"admins": "admin", "therapists": "clinician"}
    config = OpenIdConnect.model_validate(
        {"issuer": "https://id.clinic.example", "client_id": "x", "role_claim": claim, "roles": roles}
    )
    assert role_for(claims, config) == role


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": False, "oidc": None}, "nobody can sign in"),
        ({"oidc": {"issuer": "http://id.clinic.example"}}, "is no https:// address"),
        ({"oidc": {"scopes": ["email"]}}, "'openid' has to be among the scopes"),
        ({"oidc": {"roles": {"x": "king"}}}, "front_desk"),
        ({"oidc": {"roles": {}}}, "at least 1"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(changes, said):
    oidc = {"issuer": "https://id.clinic.example", "client_id": "x", "roles": {"a": "admin"}}
    if changes.get("oidc"):
        changes = {**changes, "oidc": {**oidc, **changes["oidc"]}}
    with pytest.raises(ValueError, match=said):
        SignIn.model_validate(changes)
