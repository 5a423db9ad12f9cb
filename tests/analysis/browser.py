"""Headless Chromium, driven through its DevTools protocol over two pipes."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

SECONDS = 60


class Browser:
    """One page of a new browser, as a context manager.

    Attributes:
        events: What the browser told without being asked.
    """

    def __init__(self, program: str, profile: Path) -> None:
        to_browser, self._commands = os.pipe()
        self._answers, from_browser = os.pipe()
        # It reads commands from 3 and writes to 4; a shell puts the pipes there. A browser
        # in a container has neither the sandbox's rights nor much shared memory.
        self._process = subprocess.Popen(
            [
                'bash', '-c', f'exec "$@" 3<&{to_browser} 4>&{from_browser}', 'bash', program,
                '--headless=new', '--remote-debugging-pipe', '--no-sandbox', '--disable-gpu',
                '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking',
                f'--user-data-dir={profile}', 'about:blank',
            ],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        self._number, self._buffer, self._session = 0, b'', None
        self.events: list[dict] = []

    def __enter__(self) -> 'Browser':
        targets = self.ask('Target.getTargets')['targetInfos']
        page = next(target['targetId'] for target in targets if target['type'] == 'page')
        self._session = self.ask('Target.attachToTarget', targetId=page, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network', 'Accessibility', 'DOM'):
            self.ask(f'{domain}.enable')
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._session = None
            self.ask('Browser.close')
            self._process.wait(SECONDS)
        finally:
            self._process.kill()
            self._process.wait()
            os.close(self._commands)
            os.close(self._answers)

    def ask(self, method: str, **parameters: object) -> dict:
        """The answer to a command."""
        self._number += 1
        command = dict(id=self._number, method=method, params=parameters)
        if self._session:
            command['sessionId'] = self._session
        data = json.dumps(command).encode() + b'\0'
        while data:
            data = data[os.write(self._commands, data) :]
        while (message := self._read()).get('id') != self._number:
            self.events.append(message)
        if 'error' in message:
            raise RuntimeError(f'{method}: {message["error"]["message"]}')
        return message['result']

    def wait_for(self, event: str) -> dict:
        """The first such event that was not waited for yet."""
        while True:
            for index, told in enumerate(self.events):
                if told.get('method') == event:
                    return self.events.pop(index)
            self.events.append(self._read())

    def value(self, script: str) -> object:
        """What a JavaScript expression is worth on the page."""
        answer = self.ask('Runtime.evaluate', expression=script, returnByValue=True)
        if 'exceptionDetails' in answer:
            raise RuntimeError(f'{script}: {answer["exceptionDetails"]["text"]}')
        return answer['result'].get('value')

    def open(self, path: Path, width: int, scheme: str, mobile: bool = False) -> None:
        """Show a file in a window of that many pixels, in ``light`` or in ``dark``."""
        self.ask(
            'Emulation.setDeviceMetricsOverride',
            width=width, height=844, deviceScaleFactor=1, mobile=mobile,
        )  # fmt: skip
        self.ask(
            'Emulation.setEmulatedMedia',
            features=[dict(name='prefers-color-scheme', value=scheme)],
        )
        self.events.clear()
        self.ask('Page.navigate', url=path.as_uri())
        self.wait_for('Page.loadEventFired')

    def press(self, key: str) -> None:
        """One of the keys ``Tab`` and ``Enter``."""
        code = dict(Tab=9, Enter=13)[key]
        text = dict(text='\r') if key == 'Enter' else {}
        for kind in ('keyDown', 'keyUp'):
            self.ask(
                'Input.dispatchKeyEvent',
                type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text,
            )  # fmt: skip

    def screenshot(self, path: Path) -> None:
        """All of the page as a PNG."""
        picture = self.ask('Page.captureScreenshot', captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture['data']))

    def print(self, path: Path) -> None:
        """The page as a PDF."""
        pages = self.ask('Page.printToPDF', paperWidth=8.27, paperHeight=11.69)
        path.write_bytes(base64.b64decode(pages['data']))

    def _read(self) -> dict:
        end = time.monotonic() + SECONDS
        while b'\0' not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], max(0, end - time.monotonic()))
            data = os.read(self._answers, 1 << 16) if ready else b''
            if not data:
                raise RuntimeError('The browser does not answer.')
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b'\0')
        return json.loads(message)


def find_chromium() -> str | None:
    """Debian's Chromium, or a browser of that family under another name."""
    names = ('chromium', 'chromium-browser', 'google-chrome')
    return next((path for name in names if (path := shutil.which(name))), None)
