/** One session of RELP on an open connection: what is sent, and what is answered to it. */
import type { Socket } from 'node:net';
import { connectionProblem, STOPPED, type Unsettled } from '../socket/problems.ts';
import { type Frame, FrameReader, frame, HIGHEST_TRANSACTION } from './frames.ts';

/** Messages without an answer at once; as many as librelp sends. */
const WINDOW = 128;
/** Longest silence while answers are due. */
const ANSWER_MS = 30_000;
const CLOSE_MS = 2_000;
const OFFER = 'relp_version=0\nrelp_software=hivekey\ncommands=syslog';

/** Of each message in turn: the code and the words of the answer, undefined where none came. */
type Answers = readonly (Answer | undefined)[];

interface Answer {
  readonly code: number;
  readonly words: string;
}

export interface Exchange {
  readonly answers: Answers;
  /** Why there are not answers to all. */
  readonly problem: Unsettled | undefined;
}

export class RelpSession {
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  #transaction = 0;
  #onAnswers: (answers: readonly Frame[]) => void = () => undefined;
  #onEnd: () => void = () => undefined;
  #ended: Unsettled | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', (error) => {
      this.#ended ??= connectionProblem(error);
    });
    socket.once('close', () => this.#end({ kind: 'retry', code: 'receiver_unreachable', why: 'the connection ended' }));
    socket.on('data', (bytes: Buffer) => {
      const frames = this.#reader.read(bytes);
      if (frames === undefined) {
        this.#end({ kind: 'hold', code: 'relp_refused', why: 'the receiver does not speak RELP' });
        return;
      }
      this.#take(frames);
    });
  }

  get isOpen(): boolean {
    return this.#ended === undefined;
  }

  /** Undefined: the session is open. */
  async open(signal: AbortSignal): Promise<Unsettled | undefined> {
    const { answers, problem } = await this.#exchange('open', [Buffer.from(OFFER)], signal);
    if (problem !== undefined) return problem;
    if (answers[0]?.code === 200) return undefined;
    const refused: Unsettled = {
      kind: 'hold',
      code: 'relp_refused',
      why: `the receiver refuses the session (${answers[0]?.code})`,
    };
    this.#end(refused);
    return refused;
  }

  syslog(messages: readonly Buffer[], signal: AbortSignal): Promise<Exchange> {
    return this.#exchange('syslog', messages, signal);
  }

  async close(): Promise<void> {
    if (this.isOpen) await this.#exchange('close', [Buffer.alloc(0)], AbortSignal.timeout(CLOSE_MS));
    this.#end(STOPPED);
  }

  /** Every message has its answer, or the session has ended. */
  #exchange(command: string, messages: readonly Buffer[], signal: AbortSignal): Promise<Exchange> {
    if (messages.length === 0) return Promise.resolve({ answers: [], problem: undefined });
    const answers: (Answer | undefined)[] = messages.map(() => undefined);
    const waiting = new Map<number, number>();
    return new Promise((resolve) => {
      let next = 0;
      const stop = (): void => this.#end(STOPPED);
      const timer = setTimeout(
        () => this.#end({ kind: 'retry', code: 'receiver_busy', why: `no answer for ${ANSWER_MS / 1000} s` }),
        ANSWER_MS,
      );
      const settle = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
        this.#onAnswers = () => undefined;
        this.#onEnd = () => undefined;
        resolve({ answers, problem: answers.includes(undefined) ? this.#ended : undefined });
      };
      const fill = (): void => {
        this.#socket.cork();
        for (; waiting.size < WINDOW; next++) {
          const message = messages[next];
          if (message === undefined) break;
          this.#transaction = (this.#transaction % HIGHEST_TRANSACTION) + 1;
          waiting.set(this.#transaction, next);
          this.#socket.write(frame(this.#transaction, command, message));
        }
        this.#socket.uncork();
      };
      this.#onEnd = settle;
      this.#onAnswers = (frames) => {
        for (const { transaction, data } of frames) {
          const index = waiting.get(transaction);
          if (index === undefined) continue;
          waiting.delete(transaction);
          answers[index] = answerOf(data);
        }
        timer.refresh();
        if (waiting.size === 0 && next === messages.length) settle();
        // At once: what goes out takes along the acknowledgement that the receiver's next answers wait for (Nagle).
        else fill();
      };
      if (!this.isOpen) return settle();
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) return stop();
      fill();
    });
  }

  #take(frames: readonly Frame[]): void {
    this.#onAnswers(frames.filter(({ command }) => command === 'rsp'));
    if (frames.some(({ command }) => command === 'serverclose'))
      this.#end({ kind: 'retry', code: 'receiver_unreachable', why: 'the receiver closed the session' });
  }

  #end(why: Unsettled): void {
    this.#ended ??= why;
    this.#socket.destroy();
    this.#onEnd();
  }
}

/** `200 OK`, and after the first line whatever the command brings. */
function answerOf(data: Buffer): Answer {
  const [line = ''] = data.toString('latin1').split('\n', 1);
  const [, code = '0', words = ''] = /^(\d{3})(?: ([ -~]{0,120}))?/.exec(line) ?? [];
  return { code: Number(code), words };
}
