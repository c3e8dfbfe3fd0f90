"""`lianxin asterisk`: get an Asterisk, render its files, list what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import click

from telephony.asterisk import install as installing
from telephony.asterisk import prompts as speaking
from telephony.asterisk import render as rendering
from telephony.asterisk.settings import AsteriskSettings


class _Settings(Protocol):
    @property
    def asterisk(self) -> AsteriskSettings: ...


@click.group()
def asterisk() -> None:
    """The hotline's Asterisk."""


@asterisk.command("install")
@click.pass_obj
def install(settings: _Settings) -> None:
    """Find an Asterisk 20 or newer, or fetch Debian's packages into a folder of our own; no root needed."""
    installing.install(settings.asterisk, click.echo)


@asterisk.command("render")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder that Asterisk will live in; default: asterisk.home of the settings.",
)
@click.pass_obj
def render(settings: _Settings, folder: Path | None) -> None:
    """Render the whole configuration and make the prompts that are missing."""
    chosen = settings.asterisk
    if folder is not None:
        values = chosen.model_dump() | {"home": folder}
        chosen = AsteriskSettings.model_validate(values)
    installation = installing.require(chosen)
    conf = rendering.render(chosen, installation)
    speaking.make_prompts(chosen.prompts, say=click.echo)
    click.echo(f"运行 / run: {' '.join(installation.command)} -C {conf} -f")


@asterisk.command("prompts")
@click.pass_obj
def prompts(settings: _Settings) -> None:
    """List every prompt with its text; a recorded file of that name in the folder replaces the machine's voice."""
    folder = settings.asterisk.prompts
    click.echo(f"{folder} (8 kHz, 16 bit, mono)")
    for prompt in speaking.PROMPTS:
        mark = "✓" if (folder / f"{prompt.name}.wav").exists() else "·"
        click.echo(f"{mark} {prompt.name}.wav\t{prompt.text}")
