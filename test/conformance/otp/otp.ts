import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/* Real supervisors of OTP, in one Erlang process. */

const SOURCE = fileURLToPath(new URL('./otp_histories.erl', import.meta.url));
const MISSING =
  'This comparison needs Erlang: erl and erlc are not installed (on Debian: apt-get install erlang-base).';

/** Lives through these histories; returns the text that the module prints, which has the lines with what was seen. Throws without Erlang. */
export async function liveInOtp(histories: readonly (readonly string[])[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'supertree-otp-'));
  try {
    await run('erlc', ['-o', directory, SOURCE], '');
    const main = 'code:load_file(otp_histories), otp_histories:main().';
    const args = ['+S', '1:1', '-mode', 'embedded', '-noshell', '-pa', directory, '-eval', main];
    return await run('erl', args, `${histories.map((lines) => lines.join('\n')).join('\n')}\n`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The release of OTP that is installed. */
export async function otpRelease(): Promise<string> {
  const code = 'io:format("~s", [erlang:system_info(otp_release)]), halt().';
  return run('erl', ['-noshell', '-eval', code], '');
}

async function run(program: string, args: readonly string[], input: string): Promise<string> {
  const child = spawn(program, args, { env: { ...process.env, ERL_CRASH_DUMP_SECONDS: '0' } });
  const failed = once(child, 'error').then(([error]) => {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? new Error(MISSING) : error;
  });
  child.stdin.on('error', () => undefined).end(input);
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  const [out, err, [code]] = await Promise.race([ended, failed as Promise<never>]);
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${err}${out.slice(-2_000)}`);
  return out;
}
