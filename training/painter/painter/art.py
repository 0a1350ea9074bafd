"""Fetches the art and the labels: two npm packages at fixed versions, into the work folder."""

import subprocess

from . import paths

PACKAGES = {'@iconify-json/fluent-emoji-flat': '1.2.6', 'emojibase-data': '17.0.0'}


def ensure() -> None:
    if all((paths.ART / name / 'package.json').exists() for name in PACKAGES):
        return
    if paths.ART != paths.WORK / 'node_modules':
        raise SystemExit('PAINTER_ART is set, but the art packages are not there')
    paths.WORK.mkdir(parents=True, exist_ok=True)
    subprocess.run(['npm', 'install', '--no-audit', '--no-fund', '--prefix', str(paths.WORK), *(f'{name}@{version}' for name, version in PACKAGES.items())], check=True)
