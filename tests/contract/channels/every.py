"""The samples of every channel: one line for each."""

from __future__ import annotations

from collections.abc import Sequence

from tests.contract.channels.aliyun_sms import SAMPLE as ALIYUN_SMS
from tests.contract.channels.built_in import COUNTER, OPEN311, VOICE
from tests.contract.channels.mailbox import MAILBOX
from tests.contract.channels.message_board import SAMPLE as MESSAGE_BOARD
from tests.contract.channels.one_touch import SAMPLE as ONE_TOUCH
from tests.contract.channels.pigeon import PIGEON
from tests.contract.channels.police_110 import SAMPLE as POLICE_110
from tests.contract.channels.samples import PostedSample, Sample
from tests.contract.channels.twilio import SAMPLE as TWILIO
from tests.contract.channels.web_form import SAMPLE as WEB_FORM
from tests.contract.channels.wechat import WECHAT, WECHAT_MINI

SAMPLES: Sequence[Sample] = (
    VOICE,
    COUNTER,
    OPEN311,
    PIGEON,
    ONE_TOUCH,
    WEB_FORM,
    POLICE_110,
    TWILIO,
    ALIYUN_SMS,
    WECHAT,
    WECHAT_MINI,
    MAILBOX,
    MESSAGE_BOARD,
)
POSTED: Sequence[PostedSample] = [one for one in SAMPLES if isinstance(one, PostedSample)]
