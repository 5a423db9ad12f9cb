"""Resumable steps on a real folder, with tiny steps in place of pip."""

import fcntl
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / 'tools'
sys.path.append(str(TOOLS))

import resumable_steps  # noqa: E402
from resumable_steps import Compilation, Progress, SetupError, State, Step  # noqa: E402


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def note(word: str) -> tuple[str, str]:
    """A command that leaves a line in a diary."""
    return '-c', f'open("diary", "a").write("{word}\\n")'


CREATE = Step('environment', 'environment', (('-m', 'venv', '--without-pip', '.venv'),))
STEPS = (
    CREATE,
    Step('flour', 'grind flour', (note('flour'),), ('flour.txt',)),
    Step('dough', 'knead dough', (note('dough'),), ('dough.txt',)),
    Step('bread', 'bake bread', (note('bread'),)),
)


@pytest.fixture
def bakery(tmp_path):
    for name in ('flour.txt', 'dough.txt'):
        (tmp_path / name).write_text('first version')
    return tmp_path


def run(root: Path, steps=STEPS, prerequisites=list, advise=lambda output: '') -> str:
    """Finish the steps; what was written to the screen."""
    screen = io.StringIO()
    variables = dict(os.environ)
    resumable_steps.finish_steps(root, steps, prerequisites, advise, variables, screen)
    return screen.getvalue()


def diary(root: Path) -> list[str]:
    """What ran since the last look."""
    path = root / 'diary'
    words = path.read_text().split() if path.exists() else []
    path.unlink(missing_ok=True)
    return words


def test_first_run_does_every_step_in_order(bakery):
    """Fails if a step is skipped or misplaced, or not announced as k of n."""
    screen = run(bakery)
    assert diary(bakery) == ['flour', 'dough', 'bread']
    assert (bakery / '.venv' / 'bin' / 'python').exists()
    assert [line for line in screen.splitlines() if 'done in' not in line] == [
        '[1/4] environment ...',
        '[2/4] grind flour ...',
        '[3/4] knead dough ...',
        '[4/4] bake bread ...',
        f'The environment {bakery}/.venv is complete.',
    ]


def test_complete_environment_starts_no_process(bakery, monkeypatch):
    """Fails if a finished set-up costs more than reading a few small files."""
    run(bakery)
    monkeypatch.delattr(resumable_steps.subprocess, 'Popen')
    assert 'is complete' in run(bakery)


def test_changed_input_reruns_its_step_and_the_later_ones(bakery):
    """Fails if an edited requirement is missed, or if earlier steps run again."""
    run(bakery)
    diary(bakery)
    (bakery / 'dough.txt').write_text('second version')
    assert '[3/4] knead dough ...' in run(bakery)
    assert diary(bakery) == ['dough', 'bread']


def test_input_that_changes_during_its_step_counts_as_changed(bakery):
    """Fails if the stamp describes files that the step has never seen."""
    command = ('-c', 'open("dough.txt", "w").write("edited meanwhile")')
    steps = (CREATE, Step('dough', 'knead dough', (command,), ('dough.txt',)))
    run(bakery, steps)
    assert 'knead dough' in run(bakery, steps)


def test_failing_step_names_itself_and_shows_the_end_of_its_output(bakery):
    """Fails if the user has to search for what went wrong, or for what helps."""
    noise = 'for i in range(99): print("noise", i)'
    command = ('-c', f'{noise}\nraise SystemExit("the oven is cold")')
    steps = (*STEPS[:3], Step('bread', 'bake bread', (command,)))
    with pytest.raises(SetupError) as caught:
        run(bakery, steps, advise=lambda output: 'Heat it.' if 'cold' in output else '')
    message = str(caught.value)
    assert '[4/4] bake bread failed' in message
    assert '    the oven is cold\n' in message
    assert 'noise 98' in message and 'noise 50' not in message
    assert 'Heat it.' in message and str(bakery / '.venv' / 'setup.log') in message


def test_output_of_an_earlier_step_brings_no_advice(bakery):
    """Fails if advice is drawn from the whole log instead of the failed step."""
    said = Step('flour', 'grind flour', (('-c', 'print("cold")'),))
    fails = Step('bread', 'bake bread', (('-c', 'raise SystemExit(1)'),))
    heard = []
    with pytest.raises(SetupError):
        run(bakery, (CREATE, said, fails), advise=lambda out: heard.append(out) or '')
    assert 'cold' not in heard[0]


def test_set_up_goes_on_from_the_step_that_failed(bakery):
    """Fails if a repeated run forgets what was finished, or believes in a failure."""
    needs_salt = Step('dough', 'knead dough', (('-c', 'open("salt")'), note('dough')))
    steps = (*STEPS[:2], needs_salt, STEPS[3])
    with pytest.raises(SetupError):
        run(bakery, steps)
    assert diary(bakery) == ['flour']
    (bakery / 'salt').touch()
    run(bakery, steps)
    assert diary(bakery) == ['dough', 'bread']


def ignore_interrupts() -> None:
    """What a shell script does to the jobs that it puts into the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize('ending', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.slow
def test_interrupted_set_up_leaves_no_process_and_is_finished_later(bakery, ending):
    """Fails if Ctrl-C or kill leaves a child at work or a half-done step stamped."""
    script = f"""
import sys
sys.path += [{str(TOOLS)!r}, {str(Path(__file__).parent)!r}]
import setup_env, test_resumable_steps as bakery
from pathlib import Path
waits = 'import os, time; open("pid", "w").write(str(os.getpid())); time.sleep(600)'
setup_env.ROOT = Path('.').resolve()
setup_env.STEPS = bakery.STEPS[:2] + (bakery.Step('dough', 'wait', (('-c', waits),)),)
setup_env.missing_prerequisites = list
sys.exit(setup_env.main())
"""
    process = subprocess.Popen(
        [sys.executable, '-c', script],
        cwd=bakery,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=ignore_interrupts,
    )
    pid = bakery / 'pid'
    while not (pid.exists() and pid.read_text()):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(ending)
    try:
        _, message = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130
    assert 'goes on from here' in message
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert diary(bakery) == ['flour']
    run(bakery)
    assert diary(bakery) == ['dough', 'bread']


def test_half_made_environment_is_made_anew(bakery):
    """Fails if an environment that was cut short while being created is built on."""
    (bakery / '.venv' / '.setup').mkdir(parents=True)
    (bakery / '.venv' / 'bin').mkdir()
    (bakery / '.venv' / 'bin' / 'python').symlink_to(sys.executable)
    (bakery / '.venv' / 'half a pip').touch()
    run(bakery)
    assert not (bakery / '.venv' / 'half a pip').exists()
    assert diary(bakery) == ['flour', 'dough', 'bread']


def test_moved_environment_is_made_anew(bakery):
    """Fails if a renamed checkout keeps an environment whose scripts lead elsewhere."""
    run(bakery)
    diary(bakery)
    moved = bakery.rename(bakery.with_name('moved'))
    run(moved)
    assert diary(moved) == ['flour', 'dough', 'bread']


def test_environment_of_somebody_else_is_left_alone(bakery):
    """Fails if a .venv that this script did not make is filled or emptied."""
    (bakery / '.venv').mkdir()
    (bakery / '.venv' / 'precious').touch()
    with pytest.raises(SetupError, match='was not made by this script'):
        run(bakery)
    assert [path.name for path in (bakery / '.venv').iterdir()] == ['precious']


def test_lacking_machine_is_told_before_anything_is_made(bakery):
    """Fails if a prerequisite is checked late, or only the first one is told."""
    with pytest.raises(SetupError, match='No oven.\nNo flour.'):
        run(bakery, prerequisites=lambda: ['No oven.', 'No flour.'])
    assert not (bakery / '.venv').exists()


def test_second_set_up_waits_for_the_first_and_uses_its_work(bakery):
    """Fails if two runs write into one environment, or do the same work twice."""
    run(bakery)
    fingerprint = (bakery / '.venv' / '.setup' / 'bread').read_text()
    (bakery / '.venv' / '.setup' / 'bread').unlink()
    diary(bakery)
    state = State(bakery, STEPS)
    with open(state.stamps / 'lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        class Screen(io.StringIO):
            """Lets the first set-up end as soon as the second says that it waits."""

            def write(self, text: str) -> int:
                if 'waiting for it' in text:
                    state.mark_finished(STEPS[3], fingerprint)
                    fcntl.flock(lock, fcntl.LOCK_UN)
                return super().write(text)

        screen, variables = Screen(), dict(os.environ)
        resumable_steps.finish_steps(bakery, STEPS, list, str, variables, screen)
    assert 'waiting for it' in screen.getvalue()
    assert diary(bakery) == []


def test_python_of_the_environment_stays(bakery, monkeypatch):
    """Fails if `make` under another python3 throws a complete environment away."""
    run(bakery)
    diary(bakery)
    monkeypatch.setattr(resumable_steps.sys, 'version_info', (3, 99, 0))
    run(bakery, prerequisites=lambda: ['This Python is not supported.'])
    assert diary(bakery) == []


def compile_log(done: int) -> str:
    lines = [f'  [{count}/77] c++ -MMD -c file{count}.cpp' for count in range(1, done + 1)]
    return 'Running command python setup.py\n' + '\n'.join(lines) + '\n  warning: x[1/2]'


def test_compile_progress_is_read_from_ninja():
    """Fails if ninja's count is missed or mistaken for something else in brackets."""
    assert resumable_steps.compile_count(compile_log(20)) == (20, 77)
    assert resumable_steps.compile_count('Collecting mmcv [1/2]') is None


def test_compile_time_left_follows_the_measured_speed():
    """Fails if the ETA of the longest step is a guess although ninja counts."""
    compilation = Compilation(first_count=1, first_seen=100.0)
    assert compilation.seconds_left(1, 77, now=130.0) is None
    assert compilation.seconds_left(11, 77, now=200.0) == pytest.approx(66 * 10.0)


def progress_with_clock(bakery, monkeypatch, stream):
    """A progress display whose clock stands still until the test moves it."""
    clock = type('Clock', (), {'now': 0.0})
    monkeypatch.setattr(resumable_steps.time, 'monotonic', lambda: clock.now)
    steps = (
        CREATE,
        Step('core', 'compile', (), typical_seconds=600),
        Step('rest', 'the rest', (), typical_seconds=60),
    )
    return Progress(State(bakery, steps), steps[1:], stream), clock, steps


def test_without_a_terminal_a_line_appears_now_and_then(bakery, monkeypatch):
    """Fails if a long step looks dead in a log file, or floods it."""
    screen = io.StringIO()
    progress, clock, steps = progress_with_clock(bakery, monkeypatch, screen)
    progress.begin(steps[1])
    for second in range(1, 66):
        clock.now = float(second)
        progress.tick(compile_log(second // 5))
    assert screen.getvalue().splitlines() == [
        '[2/3] compile ...',
        '[2/3] compile: 6 of 77 files, 0:30 elapsed, about 5:55 left (6:55 for all steps)',
        '[2/3] compile: 12 of 77 files, 1:00 elapsed, about 5:25 left (6:25 for all steps)',
    ]


def test_on_a_terminal_one_line_is_kept_up_to_date(bakery, monkeypatch):
    """Fails if the live line scrolls, or wraps in a narrow window."""
    monkeypatch.setenv('COLUMNS', '30')
    screen = Terminal()
    progress, clock, steps = progress_with_clock(bakery, monkeypatch, screen)
    progress.begin(steps[1])
    clock.now = 7.0
    progress.tick('')
    assert '\n' not in screen.getvalue()
    last = screen.getvalue().split('\r\x1b[2K')[-1]
    assert last == '[2/3] compile: 0:07 elapsed, '
    progress.finish()
    assert screen.getvalue().endswith('[2/3] compile: done in 0:07\n')


def test_overdue_step_promises_nothing(bakery, monkeypatch):
    """Fails if a step that takes longer than usual shows a negative time."""
    progress, _, steps = progress_with_clock(bakery, monkeypatch, io.StringIO())
    progress.begin(steps[1])
    assert progress.how_far(601.0, None) == '10:01 elapsed, longer than usual'
