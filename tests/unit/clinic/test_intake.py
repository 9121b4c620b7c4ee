"""A questionnaire as conversation, without a database."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.clinic.intake import MOST_TRIES, OPEN, Form, Sheet, Words
from bot.clinic.screeners import load

WORDS = Words.load()


class Talk:
    """A client who answers; keeps the sheets as the database does."""

    def __init__(self, *names: str, channel: str = "web", link: str = "") -> None:
        sharing = [load("sharing"), load("share_answers")]
        self.form = Form([load(name) for name in names], sharing, WORDS, clinic="the clinic", link=link)
        self.channel, self.sheets, self.all = channel, (), {}
        self.shared: set[str] = set()
        self.said: list[str] = []

    def _keep(self, step):
        for place, sheet in enumerate(step.sheets):
            id_ = sheet.id or f"{sheet.instrument}-{len(self.all) + place}"
            self.all[id_] = replace(sheet, id=id_)
        self.sheets = tuple(sheet for sheet in self.all.values() if sheet.status in OPEN)
        self.shared = (self.shared | {n for n, v in step.shares.items() if v}) - {
            n for n, v in step.shares.items() if not v
        }
        self.said += [say.text for say in step.says]
        return step

    def offer(self):
        return self._keep(self.form.offer(self.channel))

    def say(self, text, payload="", hours_away=0.0):
        step = self.form.take(
            self.sheets, text, payload, channel=self.channel, hours_away=hours_away, shared=self.shared
        )
        return self._keep(step) if step else None

    def press(self, title):
        buttons = {t: p for say in self.last.says for t, p in say.buttons}
        return self.say(title, buttons[title])

    def status(self, instrument):
        return [sheet.status for sheet in self.all.values() if sheet.instrument == instrument]

    def answers(self, instrument):
        return [dict(sheet.answers) for sheet in self.all.values() if sheet.instrument == instrument][-1]


def last_say(step):
    return step.says[-1]


def test_all_questions_come_one_by_one_with_their_answers_as_buttons_and_no_score_is_told():
    talk = Talk("phq9", "gad7")
    step = talk.say("questionnaire")
    asked = []
    for typed in [
        "not at all",
        "1",
        "more than half",
        "nearly every day",
        "2",
        "0",
        "several days",
        "0",
        "0",
        "very difficult",
    ]:
        asked.append(last_say(step).text)
        assert [title for title, _ in last_say(step).buttons][-2:] == ["Skip", "Stop"]
        step = talk.say(typed)
    assert asked[0].startswith("1 of 9\nOver the last 2 weeks")
    assert asked[1] == "2 of 9\nFeeling down, depressed, or hopeless"
    assert asked[-1].startswith("One more\nIf you checked off any problems")
    assert talk.status("phq9") == ["finished"]
    assert talk.answers("phq9") == dict(zip("123456789", [0, 1, 2, 3, 2, 0, 1, 0, 0], strict=True)) | {"difficulty": 2}
    assert last_say(step).text.startswith("1 of 7\nOver the last 2 weeks")
    for _ in range(7):
        step = talk.say("several days")
    assert talk.status("gad7") == ["finished"]
    told = " ".join(talk.said).lower()
    assert not any(word in told for word in ("score", "moderate", "severe", "mild", "depression", "disorder"))


def test_a_button_answers_like_typed_words():
    talk = Talk("gad7")
    step = talk.say("questionnaire")
    payload = dict(last_say(step).buttons)["Several days"]
    step = talk.say("Several days", payload)
    assert talk.answers("gad7") == {"1": 1}
    assert last_say(step).text.startswith("2 of 7")


def test_an_earlier_button_corrects_that_answer_and_the_question_stands():
    talk = Talk("gad7")
    first = last_say(talk.say("questionnaire"))
    talk.say("not at all")
    step = talk.say("Nearly every day", dict(first.buttons)["Nearly every day"])
    assert talk.answers("gad7") == {"1": 3}
    assert last_say(step).text.startswith("2 of 7")


def test_any_question_can_be_skipped():
    talk = Talk("gad7")
    talk.say("questionnaire")
    for typed in ["skip", "rather not say", "pass", "i don't want to answer that", "next question", "0", "0"]:
        talk.say(typed)
    assert list(talk.answers("gad7").values()) == [None] * 5 + [0, 0]


@pytest.mark.parametrize("at", range(7))
def test_it_can_be_stopped_at_any_question_and_taken_up_there(at):
    talk = Talk("gad7")
    talk.say("questionnaire")
    for _ in range(at):
        talk.say("several days")
    step = talk.say("stop")
    assert (talk.status("gad7"), step.back) == (["later"], True)
    assert talk.say("I had a long day") is None, "the conversation is the conversation's again"
    step = talk.say("can we go on with the questionnaire?") or talk.say("questionnaire")
    assert last_say(step).text.startswith(f"{at + 1} of 7\nOver the last 2 weeks")


def test_the_ninth_item_goes_to_the_safety_protocol_at_once():
    talk = Talk("phq9", "gad7")
    talk.say("questionnaire")
    for _ in range(8):
        talk.say("not at all")
    step = talk.say("several days")
    assert (step.risk.id, step.says) == ("9", ())
    assert talk.status("phq9") == ["finished"]
    assert talk.status("gad7") == ["later"]


def test_a_skipped_question_before_the_ninth_is_no_way_around_it():
    talk = Talk("phq9")
    talk.say("questionnaire")
    for typed in ["skip"] * 8:
        talk.say(typed)
    assert talk.say("nearly every day").risk.risk_kind == "suicide"


def test_no_to_the_ninth_item_is_no_safety_matter():
    talk = Talk("phq9")
    talk.say("questionnaire")
    for _ in range(9):
        step = talk.say("not at all")
    assert step.risk is None


@pytest.mark.parametrize(
    "aside",
    ["who will see this?", "can I talk to a person", "what is this for", "hello", "delete everything", "thanks"],
)
def test_a_question_in_between_goes_to_the_conversation_and_the_item_stands(aside):
    talk = Talk("gad7")
    talk.say("questionnaire")
    talk.say("not at all")
    step = talk.say(aside)
    assert (step.talk, step.says) == (True, ())
    assert talk.form.again(talk.sheets).text.startswith("2 of 7")
    assert talk.answers("gad7") == {"1": 0}


def test_what_is_no_answer_is_thanked_for_and_asked_again_and_after_the_third_time_left():
    talk = Talk("gad7")
    talk.say("questionnaire")
    story = "my mother has been in hospital since the spring and nobody else goes"
    step = talk.say(story)
    assert step.says[0].move == "structure:intake.heard"
    assert last_say(step).text.startswith("1 of 7")
    assert talk.say("purple").says[0].move == "structure:intake.unclear"
    for _ in range(MOST_TRIES - 2):
        step = talk.say("hmm tricky")
    assert (talk.status("gad7"), step.talk, last_say(step).move) == (["later"], True, "structure:intake.left")


def test_after_hours_it_is_said_where_we_were():
    talk = Talk("gad7")
    talk.say("questionnaire")
    step = talk.say("so there i am", hours_away=9)
    assert step.says[0].move == "structure:intake.away"
    assert last_say(step).text.startswith("1 of 7")
    talk.say("several days", hours_away=9)
    assert talk.answers("gad7") == {"1": 1}


def test_an_offer_can_be_taken_put_off_or_declined_and_is_never_pushed():
    for typed, status in (("yes", "asking"), ("not now", "later"), ("no thanks", "declined")):
        talk = Talk("phq9", "audit_c")
        step = talk.offer()
        assert "two short questionnaires" in last_say(step).text
        talk.say(typed)
        assert talk.status("phq9") == [status]
    talk = Talk("phq9")
    talk.offer()
    step = talk.say("my sister is visiting")
    assert (step.talk, step.says) == (True, ())
    assert talk.say("yes") is None, "a yes to something else begins nothing"


def test_on_telegram_the_private_way_is_named_first():
    talk = Talk("phq9", channel="telegram", link="https://bot.clinic.example")
    step = talk.say("questionnaire")
    assert "https://bot.clinic.example" in last_say(step).text
    assert "not as private" in last_say(step).text
    payload = dict(last_say(step).buttons)["Do it here"]
    assert last_say(talk.say("Do it here", payload)).text.startswith("1 of 9")


def test_sharing_the_answers_is_asked_when_they_are_all_given():
    talk = Talk("audit_c")
    talk.say("questionnaire")
    step = talk.say("never")
    assert last_say(step).text.startswith("May the person you meet")
    step = talk.say("sure")
    assert (talk.shared, step.back) == ({"questionnaires"}, True)
    assert talk.status("share_answers") == ["finished"]
    talk.say("questionnaire")
    step = talk.say("never")
    assert last_say(step).move == "structure:intake.finished", "it is not asked twice"


def test_sharing_is_chosen_item_by_item_and_shown():
    talk = Talk("phq9")
    talk.shared = {"conversation", "plan"}
    step = talk.say("what can the clinic see?")
    assert "What you would like to change" in last_say(step).text
    for typed in ["yes", "skip", "no", "yes please", "no"]:
        step = talk.say(typed)
    assert talk.shared == {"reasons", "questionnaires"}
    shown = {line["label"]: line["text"] for line in last_say(step).card["lines"]}
    assert [shown[label] for label in WORDS.card["items"].values()] == ["yes", "no", "no", "yes", "no"]
    assert "anything about your safety" in shown["Always"]


def test_sharing_in_the_middle_of_a_questionnaire_goes_back_to_it():
    talk = Talk("gad7")
    talk.say("questionnaire")
    talk.say("several days")
    talk.say("sharing")
    for _ in range(5):
        step = talk.say("no")
    assert last_say(step).text.startswith("2 of 7")


def test_a_clinic_that_takes_a_questionnaire_out_leaves_nobody_stuck():
    talk = Talk("gad7")
    assert talk.form.take([Sheet("gone", "asking", {}, 0, "x")], "hello there") is None
    assert Talk().say("questionnaire").says[0].move == "structure:intake.none"


@pytest.mark.parametrize("typed", ["I drink every day", "yes", "2", "i need a form for my employer", "stop", "no"])
def test_without_a_questionnaire_everything_is_the_conversations(typed):
    assert Talk("phq9").say(typed) is None


def test_every_wording_can_be_filled():
    slots = dict.fromkeys(("clinic", "count", "about", "n", "of", "link", "minutes", "title"), "x")
    for key, variants in WORDS._say.items():
        for turn in range(len(variants)):
            assert "{" not in WORDS.say(key, turn, **slots), key
