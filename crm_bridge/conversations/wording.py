"""What the guide says, as the citizen reads it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from crm_bridge.conversations.guide import Line

LINES: Mapping[Line, str] = MappingProxyType(
    {
        Line.welcome: "您好，这里是{hotline}热线。您的消息已收到，正在为您转接话务员，请稍候。"
        "如需自助登记诉求，请回复“1”。",
        Line.still_waiting: "当前咨询的市民较多，您的消息已保留，话务员会依次回复。"
        "您也可以回复“1”自助登记诉求，无需等待。",
        Line.ask_what: "请说明您要反映的事情：发生了什么、希望怎样解决。"
        "（随时回复“人工”转话务员，回复“取消”结束。）",
        Line.ask_what_again: "请用文字说明您要反映的事情，以便准确登记。",
        Line.ask_where: "事情发生在哪里？请填写详细地址，或发送位置。不便说明请回复“跳过”。",
        Line.ask_pictures: "如有照片或视频，请直接发送；没有或已发完，请回复“完成”。",
        Line.picture_taken: "已收到，可以继续发送；发完请回复“完成”。",
        Line.text_added: "已补充到诉求内容。发完请回复“完成”。",
        Line.ask_contact: "请留下联系电话，便于承办单位与您联系和回访；不便留下请回复“跳过”。",
        Line.ask_contact_again: "这不像是电话号码，请重新填写，如 13812345678；不便留下请回复“跳过”。",
        Line.registered: "已登记，您的工单号是 {number}。办理情况会告知您，"
        "也可凭工单号查询进度。感谢您的反映。",
        Line.handed_over: "正在为您转接话务员，您刚才说明的内容已一并转交，请稍候。",
        Line.cancelled: "已取消。如需帮助，请随时发送消息，或拨打 {hotline}。",
        Line.said_goodbye: "本次会话已结束。如还需帮助，请随时发送消息，或拨打 {hotline}。",
    }
)


def words(line: Line, *, hotline: str, number: str = "") -> str:
    """Return the words of a line.

    Args:
        line: Which one.
        hotline: The number that citizens dial.
        number: Of the ticket, where the line tells it.
    """
    return LINES[line].format(hotline=hotline, number=number)
