"""Debian's Chromium without a window, by the WebDriver protocol: plain HTTP, no further package."""

import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

MISSING = [name for name in ('chromium', 'chromedriver') if not shutil.which(name)]
"""What would have to be installed."""

_FLAGS = (
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
)
_ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'
"""By this name the protocol hands over elements."""

KEYS = {'left': '\ue012', 'right': '\ue014', 'home': '\ue011', 'end': '\ue010'}


class Browser:
  """A session."""

  def __init__(self, address: str, profile: pathlib.Path):
    """Opens a session of the driver at `address`, with a separate profile."""
    self._at = f'{address}/session'
    options = {'args': [*_FLAGS, f'--user-data-dir={profile}']}
    wanted = {'goog:chromeOptions': options, 'goog:loggingPrefs': {'browser': 'ALL'}}
    made = self._post('', {'capabilities': {'alwaysMatch': wanted}})
    self._at += f'/{made["sessionId"]}'

  def _post(self, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(self._at + path, json.dumps(body).encode())
    try:
      with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)['value']
    except urllib.error.HTTPError as error:
      raise AssertionError(json.load(error)['value']['message']) from error

  def open(self, path: pathlib.Path, width: int = 1200, scripts: bool = True) -> None:
    """Opens a file in a window `width` pixels wide, with its scripts or without."""
    size = {'width': width, 'height': 800, 'deviceScaleFactor': 1, 'mobile': width < 600}
    self.command('Emulation.setDeviceMetricsOverride', **size)
    self.command('Emulation.setScriptExecutionDisabled', value=not scripts)
    self._post('/url', {'url': path.as_uri()})

  def command(self, name: str, **parameters: Any) -> Any:
    """A command of Chromium's own protocol."""
    return self._post('/goog/cdp/execute', {'cmd': name, 'params': parameters})

  def run(self, script: str) -> Any:
    """Returns the result of the body of an async function in the page."""
    return self._post('/execute/sync', {'script': f'return (async () => {{{script}}})()', 'args': []})

  def _find(self, selector: str) -> str:
    found = self._post('/element', {'using': 'css selector', 'value': selector})
    return f'/element/{found[_ELEMENT]}'

  def press(self, selector: str, *keys: str) -> None:
    """Presses keys on an element."""
    self._post(f'{self._find(selector)}/value', {'text': ''.join(KEYS[key] for key in keys)})

  def click(self, selector: str) -> None:
    """Clicks on an element."""
    self._post(f'{self._find(selector)}/click', {})

  def errors(self) -> list[str]:
    """Returns all messages of the console since the last call."""
    return [entry['message'] for entry in self._post('/se/log', {'type': 'browser'})]

  def close(self) -> None:
    """Ends the session and its browser."""
    request = urllib.request.Request(self._at, method='DELETE')
    urllib.request.urlopen(request, timeout=60).close()


@contextlib.contextmanager
def opened(profile: pathlib.Path) -> Iterator[Browser]:
  """A browser with a new profile in an empty folder."""
  command = ['chromedriver', '--port=0']
  with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as driver:
    try:
      said = next(line for line in driver.stdout if 'started successfully on port' in line)
      port = re.search(r'port (\d+)', said)[1]
      with contextlib.closing(Browser(f'http://127.0.0.1:{port}', profile)) as browser:
        yield browser
    finally:
      driver.terminate()
