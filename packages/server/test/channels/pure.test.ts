import { parseJson } from '@hivekey/action-log';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FullApproval } from '../../src/approvals/index.ts';
import { mailOf, oneLine, requestMail } from '../../src/channels/email/compose.ts';
import { readPayload } from '../../src/channels/form.ts';
import { emailSettingsSchema, isLoopback } from '../../src/channels/settings.ts';
import { cardOf, noteOf, parseShown, plainMessage, refusalMessage, shownText } from '../../src/channels/slack/card.ts';
import { inert, inertJson } from '../../src/channels/slack/inert.ts';
import { readInteraction, teamsOf } from '../../src/channels/slack/payload.ts';
import { Refusals } from '../../src/channels/slack/refusals.ts';
import { isFresh, isSignedWith, readSigned } from '../../src/channels/slack/signature.ts';
import { Failure } from '../../src/errors.ts';
import { Secret } from '../../src/secret.ts';
import { argumentsOf, buttonOf, sequencesOf, textsOf, validated } from './slack.ts';

const URL_OF_CONSOLE = 'https://hivekey.acme.example';
const HASH = `sha256:${'0123456789abcdef'.repeat(4)}`;

function approval(change: Partial<FullApproval> = {}, args: unknown = { to: 'x' }): FullApproval {
  return {
    id: 'apr_0123456789ab',
    object: 'approval',
    status: 'pending',
    agent: 'billing-bot',
    agent_id: 'agt_0123456789ab',
    owner: 'dana@acme.example',
    entrance: 'actions',
    action: 'payments.pay',
    tool: 'payments.pay',
    namespace: null,
    access: 'write',
    destructive: false,
    impact: { usd: 30_000 },
    reason: 'amount is at least $200.00',
    rule: 'billing/review',
    requirement: { people: 1, groups: [] },
    missing: { people: 1, groups: [] },
    decisions: [],
    hash: HASH,
    event_id: 'evt_1',
    requested_at: 1_775_923_200,
    expires_at: 1_775_926_800,
    decided_at: null,
    released_at: null,
    call_event_id: null,
    outcome: null,
    error_code: null,
    stop_code: null,
    ended_reason: null,
    ended_at: null,
    view: { workspace: 'default', environment: 'prod', roles: ['billing'], rules: [], arguments: args },
    binding: {},
    deciders: [],
    you: { person: null, may: false, why_not: null, on_behalf_of: [] },
    told: [],
    history: { approvals: [], calls: [], payee: null },
    ...change,
  };
}

/** Every kind of character, those that matter more often. */
const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom('<', '>', '&', '`', '```', '*', '_', '~', ':', '|', '\\', '"', ' ', '  ', '\n', '\t', '\0'),
    fc.constantFrom(
      '\u202e',
      '\u2066',
      '\u200b',
      '\u200d',
      '\ufeff',
      '\u3164',
      '\u2800',
      '\u05d0',
      '\u0628',
      '\u0301',
      '\ud83d',
      '\u{e0041}',
      '\u{1f600}',
    ),
    fc.constantFrom('<!channel>', '<@U0ERIN>', '<https://evil.example|pay>', '\\u003c', '```\n'),
    fc.string({ unit: 'grapheme', maxLength: 3 }),
  ),
  maxLength: 40,
});
const anyArguments = fc.dictionary(
  anyText,
  fc.oneof(
    anyText,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(anyText, { maxLength: 4 }),
    fc.dictionary(anyText, anyText, { maxKeys: 3 }),
  ),
  { maxKeys: 8, noNullPrototype: true },
);

describe('text in Slack', () => {
  it('says what it was, in characters that do nothing', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const shown = inert(text);
        expect(shown).toMatch(/^[\p{L}\p{N}\p{P}\p{S} ]*$/u);
        expect(shown).not.toMatch(/[<>&`\p{Default_Ignorable_Code_Point}\u2800\u0590-\u08ff]| {2}/u);
        expect(JSON.parse(`"${shown}"`)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['<!channel>', '\\u003c!channel\\u003e'],
    ['a\u202eb', 'a\\u202eb'],
    ['\\u003c', '\\\\u003c'],
    ['a   b', 'a \\u0020\\u0020b'],
    ['Zürich, 東京 – 5 €', 'Zürich, 東京 – 5 €'],
    ['\u{e0041}', '\\udb40\\udc41'],
    ['\ud83d', '\\ud83d'],
  ])('%j is shown as %s', (text, shown) => {
    expect(inert(text)).toBe(shown);
  });

  it('of arguments is JSON of the same arguments', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(parseJson(inertJson(value))).toEqual(parseJson(JSON.stringify(value)));
      }),
    );
  });
});

describe('a card', () => {
  it('is one that Slack takes, and has the button only with all arguments', () => {
    fc.assert(
      fc.property(anyArguments, anyText, (args, reason) => {
        const card = cardOf(approval({ reason }, args), URL_OF_CONSOLE);
        expect(validated(card)).toBeUndefined();
        expect(
          sequencesOf(card).filter(
            (each) => !/^<!date\^\d+\^\{date_short_pretty\} \{time\}\|[-0-9: ]+ UTC>$/.test(each),
          ),
        ).toEqual([]);
        if (buttonOf(card, 'hivekey_approve') !== undefined) expect(argumentsOf(card)).toEqual(args);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['one line as long as fits', { n: 'x'.repeat(2983) }, true],
    ['a line that is one longer', { n: 'x'.repeat(2984) }, false],
    ['as many lines as fit', { n: Array.from({ length: 27 }, () => 'x'.repeat(300)) }, true],
    ['more lines', { n: Array.from({ length: 28 }, () => 'x'.repeat(300)) }, false],
  ])('of %s', (_, args, fits) => {
    const card = cardOf(approval({}, args), URL_OF_CONSOLE);
    expect(validated(card)).toBeUndefined();
    expect(buttonOf(card, 'hivekey_approve') !== undefined).toBe(fits);
    expect(buttonOf(card, 'hivekey_deny') !== undefined).toBe(fits);
    expect(buttonOf(card, 'hivekey_open')?.url).toBe(`${URL_OF_CONSOLE}/approvals/apr_0123456789ab`);
    if (fits) expect(argumentsOf(card)).toEqual(args);
  });

  it('whose reason does not fit has no buttons either', () => {
    const card = cardOf(approval({ reason: 'y'.repeat(3000) }), URL_OF_CONSOLE);
    expect(validated(card)).toBeUndefined();
    expect(buttonOf(card, 'hivekey_approve')).toBeUndefined();
  });

  it('of any state but waiting has no buttons, however many decided', () => {
    const decision: FullApproval['decisions'][number] = {
      person: `${'p'.repeat(240)}@acme.example`,
      decision: 'approve',
      reason: 'r'.repeat(1000),
      groups: [],
      key: 'k',
      key_id: 'key_1',
      channel: 'slack',
      authenticated_at: 1,
      decided_at: 1,
      bulk: null,
      event_id: 'evt_2',
      on_behalf_of: null,
    };
    for (const status of [
      'approved',
      'released',
      'finished',
      'unknown',
      'denied',
      'expired',
      'cancelled',
      'stopped',
    ] as const) {
      const decisions = Array.from({ length: 10 }, () => decision);
      const card = cardOf(
        approval({ status, decisions, ended_reason: '<!here>'.repeat(140), stop_code: 'policy_changed' }),
        URL_OF_CONSOLE,
      );
      expect(validated(card)).toBeUndefined();
      expect(buttonOf(card, 'hivekey_approve')).toBeUndefined();
      expect(sequencesOf(card).filter((each) => !each.startsWith('<!date^'))).toEqual([]);
    }
  });

  it('and what else is said is short enough, however much there is', () => {
    const users = Array.from({ length: 200 }, (_, i) => `U${String(i).padStart(10, '0')}`);
    expect(validated(noteOf(approval(), 'reminder', users, URL_OF_CONSOLE))).toBeUndefined();
    expect(validated(plainMessage('Delegated.', [['of', '<'.repeat(5000)]]))).toBeUndefined();
    const failure = new Failure(409, 'approval_denied', '`'.repeat(2000), 'x');
    const refusal = refusalMessage(failure);
    expect(validated(refusal)).toBeUndefined();
    expect(textsOf(refusal).join().match(/```/g)).toHaveLength(2);
  });

  it('and its notes mention only whom we name', () => {
    const note = noteOf(approval({ agent: '<!channel>' }), 'escalation', ['U0ERIN', 'U0SAM'], URL_OF_CONSOLE);
    expect(validated(note)).toBeUndefined();
    expect(sequencesOf(note).filter((each) => !each.startsWith('<!date^'))).toEqual(['<@U0ERIN>', '<@U0SAM>']);
    expect(textsOf(note).join()).toContain('\\u003c!channel\\u003e');
  });
});

describe('what a button brings back', () => {
  it('is what it was given', () => {
    expect(parseShown(shownText({ approvalId: 'apr_0123456789ab', hash: HASH }))).toEqual({
      approvalId: 'apr_0123456789ab',
      hash: HASH,
    });
  });

  it.each([
    '',
    'apr_1',
    `apr_1 ${HASH} `,
    `apr_1 ${HASH.toUpperCase()}`,
    `evt_1 ${HASH}`,
    `apr_1\n${HASH}`,
    `apr_1 ${HASH}\n`,
  ])('is not %j', (text) => {
    expect(parseShown(text)).toBeUndefined();
  });
});

describe('a signature of Slack', () => {
  // The example of docs.slack.dev, "Verifying requests from Slack".
  const secret = new Secret('8f742231b10e8888abcd99yyyzzz85a5');
  const body = Buffer.from(
    'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c',
  );
  const timestamp = '1531420618';
  const signature = 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503';

  it('is that of the documentation', () => {
    const signed = readSigned(body, timestamp, signature);
    if (signed === undefined) throw new Error('it can be read');
    expect(isSignedWith(signed, secret)).toBe(true);
    expect(isSignedWith(signed, new Secret('another'))).toBe(false);
  });

  it('covers each bit of the body, the time and itself', () => {
    fc.assert(
      fc.property(fc.nat(body.length * 8 - 1), (bit) => {
        const other = Buffer.from(body);
        other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const signed = readSigned(other, timestamp, signature);
        expect(signed !== undefined && isSignedWith(signed, secret)).toBe(false);
      }),
    );
    const later = readSigned(body, '1531420619', signature);
    expect(later !== undefined && isSignedWith(later, secret)).toBe(false);
  });

  it.each([
    [undefined, signature],
    ['1531420618.0', signature],
    ['-1531420618', signature],
    ['01531420618', signature],
    [['1531420618'], signature],
    [timestamp, undefined],
    [timestamp, signature.toUpperCase()],
    [timestamp, signature.slice(0, -1)],
    [timestamp, `${signature}0`],
    [timestamp, signature.replace('v0', 'v1')],
  ])('with the headers %j and %j is none', (at, with_) => {
    expect(readSigned(body, at, with_)).toBeUndefined();
  });

  it.each([
    [0, true],
    [300, true],
    [-300, true],
    [301, false],
    [-301, false],
  ])('made %d s ago is fresh: %s', (seconds, fresh) => {
    const signed = readSigned(body, timestamp, signature);
    if (signed === undefined) throw new Error('it can be read');
    expect(isFresh(signed, (1_531_420_618 + seconds) * 1000)).toBe(fresh);
  });
});

describe('what an account that is nobody’s clicks', () => {
  it('is recorded five times a minute, of each account and minute', () => {
    let now = 60_000;
    const refusals = new Refusals(() => now);
    const recorded = (user: string, times: number) =>
      Array.from({ length: times }, () => refusals.mayRecord({ team: 'T1', user })).filter(Boolean).length;
    expect([recorded('U1', 20), recorded('U2', 3), recorded('U2', 20), recorded('U1', 1)]).toEqual([5, 3, 2, 0]);
    now += 59_999;
    expect(recorded('U1', 1)).toBe(0);
    now += 1;
    expect(recorded('U1', 20)).toBe(5);
  });
});

describe('the body of an interaction', () => {
  const form = (text: string): Buffer => Buffer.from(text);
  it.each([
    ['payload=%7B%7D', {}],
    ['payload=%7B%7D&payload=%7B%7D', undefined],
    ['payload=%7B%7D&other=1', undefined],
    ['other=%7B%7D', undefined],
    ['payload=%7B%22a%22%3A1%2C%22a%22%3A2%7D', undefined],
    ['payload=nonsense', undefined],
    ['', undefined],
    ['{}', undefined],
  ])('%j', (text, payload) => {
    expect(readPayload(form(text))).toEqual(payload);
  });

  it('that is anything at all is never believed to be a click', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const read = readInteraction(value);
        expect(read === undefined || read.kind === 'other').toBe(true);
        expect(teamsOf(value)).toEqual([]);
      }),
    );
  });

  it('names the account by the team of the user', () => {
    const click = {
      type: 'block_actions',
      team: { id: 'T0ACME01' },
      user: { id: 'U0ERIN', team_id: 'T0OTHER1' },
      trigger_id: 't',
      response_url: 'https://hooks.slack.com/actions/x',
      actions: [{ type: 'button', action_id: 'hivekey_approve', value: `apr_1 ${HASH}` }],
    };
    expect(readInteraction(click)).toMatchObject({ account: { team: 'T0OTHER1', user: 'U0ERIN' } });
    expect(teamsOf(click)).toEqual(['T0ACME01', 'T0OTHER1']);
  });
});

describe('a mail', () => {
  it('has lines that nobody but us can begin, and markup of our own', () => {
    fc.assert(
      fc.property(anyText, anyText, (agent, action) => {
        const mail = requestMail(
          approval({ agent, action }, { to: 'argument-value' }),
          'request',
          `${URL_OF_CONSOLE}/approvals/apr_1`,
        );
        const plainLines = requestMail(approval(), 'request', `${URL_OF_CONSOLE}/approvals/apr_1`).text.split(
          '\n',
        ).length;
        expect(mail.text.split(/[\n\r\u0085\u2028\u2029]/)).toHaveLength(plainLines);
        expect(mail.subject).not.toMatch(/[\p{C}\u2028\u2029]/u);
        expect(mail.html.match(/<\/?[a-z!]+/g)).toEqual(
          requestMail(approval(), 'request', `${URL_OF_CONSOLE}/approvals/apr_1`).html.match(/<\/?[a-z!]+/g),
        );
        expect(mail.html.match(/href="[^"]*"/g)).toEqual([`href="${URL_OF_CONSOLE}/approvals/apr_1"`]);
        expect(JSON.stringify(mail)).not.toContain('argument-value');
      }),
    );
  });

  it.each([
    ['a\r\nBcc: x', 'a\ufffd\ufffdBcc: x'],
    ['a\u202eb\u200bc', 'a\ufffdb\ufffdc'],
    ['a\u2028b', 'a\ufffdb'],
  ])('%j becomes %j', (text, line) => {
    expect(oneLine(text)).toBe(line);
  });

  it('without a link has none', () => {
    expect(mailOf('s', [], { words: 'w' }).html).not.toContain('<a');
  });
});

describe('a relay', () => {
  it.each([
    ['localhost', true],
    ['LOCALHOST', true],
    ['127.0.0.1', true],
    ['127.1.2.3', true],
    ['::1', true],
    ['128.0.0.1', false],
    ['localhost.evil.example', false],
    ['::ffff:10.0.0.1', false],
    ['0.0.0.0', false],
  ])('%s is this machine: %s', (host, is) => {
    expect(isLoopback(host)).toBe(is);
    const settings = { host, security: 'none', from: 'a@acme.example' };
    expect(emailSettingsSchema.safeParse(settings).success).toBe(is);
  });
});
