import { slackManifestOf } from '../src/bot/slack/slack-manifest.ts';
import { systemClock } from '../src/clock.ts';
import { FakeSlack } from '../test/fakes/slack/fake-slack.ts';
import { SlackPerson } from '../test/fakes/slack/slack-person.ts';
import { type FakeChannel, slackIds } from '../test/fakes/slack/slack-state.ts';

export interface SlackReport {
  readonly apiUrl: string;
  readonly working: number;
  /** From sending an envelope to its acknowledgement. */
  readonly acknowledgedMs: readonly number[];
  readonly repeated: number;
}

/** The fake Slack, in a process of its own, and its people. */
const rushes = 200;
const slack = await FakeSlack.open({ clock: systemClock, manifest: slackManifestOf({}) });
const people = Array.from({ length: rushes }, (_, index) => new SlackPerson(slack, { id: `U0RUSH${String(index).padStart(4, '0')}`, name: `Person ${index}` }));
const room: FakeChannel = {
  id: 'C0GENERAL',
  name: 'general',
  kind: 'public',
  members: new Set([slackIds.bot, ...people.map(({ id }) => id)]),
  archived: false,
  extShared: false,
};
slack.state.channels.set(room.id, room);
const report = (part: Partial<SlackReport>): void => void process.send?.({ apiUrl: slack.apiUrl, working: 0, acknowledgedMs: [], repeated: 0, ...part });

/** A long answer and a picture, and a moment for them to begin. */
async function work(): Promise<void> {
  const [first, second] = people;
  first?.say(first.direct, 'Tell me a long story about the sea and all the ships on it.');
  await second?.command(room, '/imagine', 'a red apple on a blue background --steps 60');
  await systemClock.wait(3000);
  report({ working: slack.state.messages.filter(({ byBot }) => byBot).length });
}

/** A direct message or a command from each person, as fast as they can be sent; between them the acknowledgements are read. */
async function rush(): Promise<void> {
  const before = slack.sockets.ackTimesMs.length;
  const delivered = slack.sockets.deliveries;
  for (const [index, person] of people.entries()) {
    if (index % 2 === 0) person.say(person.direct, `question ${index}: what is ${index} plus one?`);
    else void person.command(room, '/fresco', 'queue');
    if (index % 10 === 9) await new Promise((resolve) => setImmediate(resolve));
  }
  while (slack.sockets.pending > 0) await systemClock.wait(5);
  await systemClock.wait(500);
  const acknowledgedMs = slack.sockets.ackTimesMs.slice(before);
  report({ acknowledgedMs, repeated: Math.max(0, slack.sockets.deliveries - delivered - acknowledgedMs.length) });
}

const keepAlive = setInterval(() => {}, 1000);
process.on('message', (word) => {
  if (word === 'work') void work();
  if (word === 'rush') void rush();
  if (word === 'stop') {
    clearInterval(keepAlive);
    void slack[Symbol.asyncDispose]().then(() => process.exit(0));
  }
});
report({});
