"""Files on their way to a ticket and out again, over HTTP."""

from io import BytesIO
from typing import Any

import pytest
from aiohttp import FormData

from tests.integration.crm_bridge.tickets.city import City
from tests.integration.crm_bridge.tickets.desk import Client, Desk
from tests.pictures import png

PNG = png()


async def send(
    client: Client, content: bytes, name: str = "现场.png", who: str = "5001", field: str = "file"
) -> tuple[int, dict[str, Any]]:
    form = FormData(quote_fields=False)
    form.add_field(field, BytesIO(content), filename=name, content_type="text/html")
    response = await client.post("/api/v1/attachments", data=form, headers={"X-Agent": who})
    return response.status, await response.json(content_type=None)


async def test_file_goes_with_a_reply_and_is_given_to_who_may_see_the_ticket(
    city: City, client: Client
) -> None:
    status, file = await send(client, PNG)
    assert (status, file) == (
        201,
        {"id": file["id"], "name": "现场.png", "size": len(PNG), "type": "image/png"},
    )
    desk = Desk(client, await city.in_hand())
    seen = await desk.act(
        "5001", "assignments/1/reply", text="已修复", contacted=True, attachments=[file["id"]]
    )
    assert seen["attachments"] == [file]
    (reply,) = seen["assignments"][0]["replies"]
    assert (reply["text"], reply["actor"], reply["attachments"]) == ("已修复", "5001", [file])
    path = f"/api/v1/attachments/{file['id']}"
    for who, allowed in (("5001", 200), ("3001", 200), ("1001", 200), ("5003", 403), ("1002", 403)):
        assert (await client.get(path, headers={"X-Agent": who})).status == allowed
    assert (await client.get(path)).status == 401


async def test_file_is_only_ever_a_download(client: Client) -> None:
    _, file = await send(client, PNG)
    response = await client.get(f"/api/v1/attachments/{file['id']}", headers={"X-Agent": "5001"})
    assert await response.read() == PNG
    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"].startswith("attachment; ")
    assert "sandbox" in response.headers["Content-Security-Policy"]


async def test_file_can_be_the_whole_body(client: Client) -> None:
    response = await client.post(
        "/api/v1/attachments",
        data=PNG,
        headers={
            "X-Agent": "5001",
            "X-File-Name": "%E7%8E%B0%E5%9C%BA.png",
            "Content-Type": "image/png",
        },
    )
    assert (response.status, (await response.json())["name"]) == (201, "现场.png")


@pytest.mark.parametrize(
    ("content", "name", "field", "status"),
    [
        (b"<html><script>", "页面.html", "file", 422),
        (b"<html><script>", "照片.png", "file", 422),
        (PNG, "照片.jpg", "file", 422),
        (b"", "照片.png", "file", 422),
        (PNG, "照片.png", "picture", 422),
        pytest.param(PNG + b"\0" * 1024 * 1024, "照片.png", "file", 413, id="large"),
    ],
)
async def test_file_that_is_not_taken_is_refused(
    client: Client, content: bytes, name: str, field: str, status: int
) -> None:
    told, problem = await send(client, content, name, field=field)
    assert told == status
    assert problem["detail_zh"]
    assert problem["detail_en"]


async def test_body_that_is_no_form_is_refused(client: Client) -> None:
    headers = {"X-Agent": "5001", "Content-Type": "multipart/form-data; boundary=x"}
    response = await client.post("/api/v1/attachments", data=b"nonsense", headers=headers)
    assert response.status == 422


async def test_another_s_file_does_not_go_with_my_reply(city: City, client: Client) -> None:
    _, file = await send(client, PNG, who="5003")
    desk = Desk(client, await city.in_hand())
    await desk.look("5001")
    status, problem = await desk.try_to(
        "5001", "assignments/1/reply", text="已修复", contacted=True, attachments=[file["id"]]
    )
    assert (status, problem["fields"][0]["pointer"]) == (422, "/attachments/0")
    assert (await city.ticket(desk.seen["id"])).state == "in_hand"
