/**
 * A stdio MCP server of the session era that does what its arguments say:
 * `node stdio-server.ts [behaviour …]`. What each tool does stands beside its name.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const behaviours = new Set(process.argv.slice(2));

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly name?: string;
    readonly arguments?: Record<string, string>;
    readonly _meta?: { readonly progressToken?: number };
  };
}

function send(message: object): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

function text(value: string): object {
  return { content: [{ type: 'text', text: value }] };
}

let revision = 0;

function tools(): readonly object[] {
  const names = [
    'echo',
    'env',
    'argv',
    'huge',
    'noise',
    'die',
    'exit',
    'lie',
    'silent',
    'progress',
    'children',
    'change',
    'leak',
    'pid',
  ];
  return names.map((name) => ({
    name,
    description: `${name} ${name === 'echo' ? revision : ''}`.trim(),
    inputSchema: { type: 'object', properties: { text: { type: 'string' }, pidFile: { type: 'string' } } },
  }));
}

const ACTIONS: Readonly<Record<string, (id: number, args: Record<string, string>, message: Message) => void>> = {
  echo: (id, args) => send({ id, result: text(args.text ?? '') }),
  env: (id) => send({ id, result: text(JSON.stringify(process.env)) }),
  argv: (id) => send({ id, result: text(JSON.stringify({ argv: process.argv.slice(2), cwd: process.cwd() })) }),
  pid: (id) => send({ id, result: text(String(process.pid)) }),
  /** A line without end. */
  huge: () => {
    const chunk = 'x'.repeat(64 * 1024);
    const more = (): void => {
      while (process.stdout.write(chunk));
      process.stdout.once('drain', more);
    };
    more();
  },
  noise: () => process.stdout.write('Listening on port 3000\n'),
  die: () => process.kill(process.pid, 'SIGKILL'),
  /** Answers with its last breath. */
  exit: (id, args) => {
    process.stderr.write(`going away ${args.text ?? ''}`);
    process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: text('bye') })}\n`, () => process.exit(3));
  },
  lie: (id) => {
    for (const other of [id + 1, id - 1, 'x', -1]) send({ id: other, result: text('for somebody else') });
  },
  silent: () => undefined,
  progress: (id, _args, message) => {
    const progressToken = message.params?._meta?.progressToken;
    for (const progress of [1, 2, 3]) send({ method: 'notifications/progress', params: { progressToken, progress } });
    send({ method: 'notifications/progress', params: { progressToken: 999, progress: 1 } });
    send({ id, result: text(String(progressToken)) });
  },
  /** A child of its own that outlives it, holding its pipes. */
  children: (id, args) => {
    const child = spawn(process.execPath, ['-e', 'process.on("SIGTERM",()=>{});setInterval(()=>{},1e6)'], {
      stdio: 'inherit',
    });
    if (args.pidFile !== undefined) writeFileSync(args.pidFile, `${process.pid}\n${child.pid}\n`);
    send({ id, result: text(String(child.pid)) });
  },
  change: (id) => {
    revision += 1;
    send({ method: 'notifications/tools/list_changed' });
    send({ id, result: text('changed') });
  },
  leak: (id) => {
    const secret = process.env.TOKEN ?? '';
    process.stderr.write(`using ${secret}\n`);
    send({ method: 'notifications/message', params: { level: 'info', data: secret } });
    send({
      id,
      error: { code: -1, message: `bad credential ${secret}`, data: { sent: Buffer.from(secret).toString('base64') } },
    });
  },
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const message: Message = JSON.parse(line);
  const { id, method, params } = message;
  if (behaviours.has('deaf')) process.stderr.write('listening to nobody\n');
  if (id === undefined || behaviours.has('deaf')) return;
  if (method === 'initialize') {
    if (behaviours.has('banner')) process.stdout.write('Welcome!\n');
    send({
      id,
      result: {
        protocolVersion: '2025-11-25',
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: 'scripted', version: '1' },
      },
    });
  } else if (method === 'tools/list') send({ id, result: { tools: tools() } });
  else if (method === 'tools/call') ACTIONS[params?.name ?? '']?.(id, params?.arguments ?? {}, message);
  else if (behaviours.has('strict')) process.exit(1);
  else send({ id, error: { code: -32601, message: 'Method not found' } });
});
if (behaviours.has('stay')) {
  process.on('SIGTERM', () => undefined);
  setInterval(() => undefined, 1_000_000);
}
