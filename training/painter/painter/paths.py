"""Where things lie. Everything that is not source lives in the work folder, outside the repository."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
REPOSITORY = PROJECT.parents[1]
WORK = Path(os.environ.get('PAINTER_WORK', PROJECT / 'work')).resolve()
ART = Path(os.environ.get('PAINTER_ART', WORK / 'node_modules')).resolve()
MODEL = Path(os.environ.get('PAINTER_MODEL', REPOSITORY / 'models' / 'pocket-painter')).resolve()
HELD_OUT = PROJECT / 'held-out.json'
PROMPTS = PROJECT / 'newcomer-prompts.json'
