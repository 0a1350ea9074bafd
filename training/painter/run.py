#!/usr/bin/env python3
"""The pocket painter, one command for each stage: see README.md."""

import argparse
import os

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
STAGES = ('data', 'warm', 'vae', 'latents', 'sketch', 'unet', 'decoder', 'export', 'evaluate', 'document', 'parity', 'smoke', 'all')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('stage', choices=STAGES)
    parser.add_argument('--minutes', type=float, help='how long the whole run of this stage is (its schedule)')
    parser.add_argument('--max-minutes', type=float, help='stop this session cleanly after so long; run again to go on')
    parser.add_argument('--steps', type=int, help='stop after so many steps')
    parser.add_argument('--count', type=int, help='latents: how many pictures; evaluate: a share of each test')
    options = parser.parse_args()
    from painter import stages

    stages.run(options)


if __name__ == '__main__':
    main()
