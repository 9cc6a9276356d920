"""The commands' forms: those that moderators know, shown by ``help``."""

from __future__ import annotations

import pytest

from rosey_bot.commands.answers import CommandError
from rosey_bot.commands.registry import check
from rosey_bot.commands.router import default_registry
from rosey_bot.cytube.sending import Outcome, Receipt

FORMS = [
    "help [command]",
    "info",
    "status",
    "stats",
    "users",
    "user <name>",
    "afk [on|off]",
    "say <msg>",
    "pm <user> <msg>",
    "clear",
    "playlist [n]",
    "current",
    "add <url> [temp yes|no] [duration]",
    "remove <#>",
    "move <#> <#>",
    "jump <#>",
    "next",
    "pause",
    "kick <user> [reason]",
    "voteskip",
    "more",
    "quiet [on|off] [duration]",
    "maintenance [on|off]",
]


def test_there_are_these_commands_and_no_others() -> None:
    assert sorted(command.usage for command in default_registry()) == sorted(FORMS)


def test_public_commands_change_nothing() -> None:
    public = [command for command in default_registry() if command.is_public]
    assert sorted(command.name for command in public) == ["help", "stats", "user"]
    assert not any(command.is_act for command in public)


@pytest.mark.parametrize(
    ("receipt", "answer"),
    [
        (Receipt(Outcome.REFUSED, "You have been muted"), "CyTube refused: You have been muted"),
        (
            Receipt(Outcome.UNCONFIRMED, "CyTube did not answer within 3 s"),
            "No answer: CyTube did not answer within 3 s",
        ),
        (Receipt(Outcome.NOT_SENT, "not connected to CyTube"), "Not done: not connected to CyTube"),
    ],
)
def test_what_cytube_has_not_done_is_an_error(receipt: Receipt, answer: str) -> None:
    with pytest.raises(CommandError) as error:
        check(receipt)
    assert str(error.value) == answer


def test_silence_is_explained_where_it_can_be() -> None:
    with pytest.raises(CommandError, match=r"\(perhaps away\)$"):
        check(Receipt(Outcome.UNCONFIRMED, "silence"), silence="perhaps away")
    check(Receipt(Outcome.SENT))
