"""From the login over the socket to presence and the feed, on real parts."""

from __future__ import annotations

from tests.integration.agent_console.conftest import Browser, Console


async def test_an_agent_logs_in_opens_the_page_goes_online_and_is_told_of_a_ticket(
    console: Console, open_browser: Browser
) -> None:
    agent = await open_browser()
    assert (await agent.log_in("1001")).status == 200
    page = await agent.page()
    assert await page.next("hello") == {"event": "feed.start", "last_seq": 0}

    response = await agent.request("PUT", "/api/v1/presence", {"state": "online"})
    assert (await response.json())["state"] == "online"
    hint = await page.next("hint")
    assert (hint["type"], hint["data"]["state"]) == ("presence.changed", "online")

    await console.tell("1001", 7)
    entry = await page.next("event")
    assert (entry["seq"], entry["type"], entry["data"]) == (1, "ticket.changed", {"ticket_id": 7})

    assert (await agent.request("DELETE", "/api/v1/session")).status == 204
    assert ("disconnect", None) in await page.until_closed()
    assert (await agent.request("GET", "/api/v1/session")).status == 401
