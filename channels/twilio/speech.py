"""What Twilio is told to say and do in a call: TwiML, made by Twilio's own library.

https://www.twilio.com/docs/voice/twiml
"""

from __future__ import annotations

from twilio.twiml.voice_response import (  # type: ignore[import-untyped]  # the library has no types
    Dial,
    VoiceResponse,
)

from channels.twilio.settings import TwilioSettings

EMPTY = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
"""Nothing more is to be done: a message is not answered, a call is hung up."""

_LEAVE_A_MESSAGE = "您好，这里是一二三四五热线。目前线路繁忙，请在嘀声后说出您的诉求，说完后挂机，我们会尽快给您回电。"
_READ_AGAIN = "再说一遍。"


def reading(text: str, settings: TwilioSettings) -> str:
    """Return how a text is read out to whoever picks up, twice, in figures one by one."""
    response = VoiceResponse()
    response.pause(length=1)
    _say(response, text, settings)
    _say(response, _READ_AGAIN, settings)
    _say(response, text, settings)
    return str(response)


def put_through(settings: TwilioSettings, after: str) -> bytes:
    """Return how a caller is put through to our own exchange.

    Args:
        settings: Where to, and for how long it rings.
        after: The address that is asked what to do when that has ended, however it did.
    """
    response = VoiceResponse()
    dial = Dial(action=after, method="POST", timeout=settings.dial_seconds, answer_on_bridge=True)
    if settings.dial.startswith("sip:"):
        dial.sip(settings.dial)
    else:
        dial.number(settings.dial)
    response.append(dial)
    return str(response).encode()


def leave_a_message(settings: TwilioSettings, recorded: str) -> bytes:
    """Return how a caller is asked to leave a message.

    Args:
        settings: For how long.
        recorded: The address that is told of the recording when he has hung up, or has been silent.
    """
    response = VoiceResponse()
    _say(response, _LEAVE_A_MESSAGE, settings)
    response.record(
        action=recorded,
        method="POST",
        max_length=settings.record_seconds,
        timeout=10,
        play_beep=True,
        trim="trim-silence",
    )
    return str(response).encode()


def _say(response: VoiceResponse, text: str, settings: TwilioSettings) -> None:
    response.say(text, voice=settings.voice, language=settings.language)
