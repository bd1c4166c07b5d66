"""One running place: a folder with MariaDB's data, sites, configuration and sockets of its own.

Nothing in it is shared with the machine or with another bench: ports are chosen free, everything listens on 127.0.0.1,
and supervisord (from PyPI) keeps what is started.
"""

import contextlib
import hashlib
import json
import os
import random
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import config
import home
import system
from report import Failure, run
from toolchain import Toolchain, esbuild, link_assets

# Below the range that the kernel hands out to outgoing connections.
PORTS = range(20000, 32000)
SERVICES = ("mariadb", "redis_cache", "redis_queue")


def port_free(port: int) -> bool:
	with socket.socket() as s:
		s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		try:
			s.bind(("127.0.0.1", port))
		except OSError:
			return False
	return True


def answers(port: int) -> bool:
	"""Whether something on this machine accepts a connection on the port."""
	with socket.socket() as s:
		s.settimeout(1)
		return s.connect_ex(("127.0.0.1", port)) == 0


def take_port(port: int) -> bool:
	"""Takes a free port for as long as this process lives; False if somebody uses it, or has taken it.

	What listens on it later is mostly another process, started some time from now: until then nothing but this would
	keep a second command from choosing the same one.
	"""
	return port_free(port) and home.take(f"port-{port}")


def promised_ports() -> set[int]:
	"""The ports of all benches, also of those that are stopped: each takes its own again when it is started."""
	found: set[int] = set()
	for file in config.home().glob("*/*/etc/settings.json"):
		# A bench that is being made or removed at this moment.
		with contextlib.suppress(OSError, ValueError):
			found.update(json.loads(file.read_text()).get("ports", {}).values())
	return found


def free_ports(count: int) -> list[int]:
	"""Different free ports that no other bench was given, drawn at random; taken for as long as this process lives."""
	promised, chosen = promised_ports(), []
	while len(chosen) < count:
		port = random.choice(PORTS)
		if port not in promised and port not in chosen and take_port(port):
			chosen.append(port)
	return chosen


def keep_log(log: Path | None, bench: "Bench") -> Path | None:
	"""Where a log can be read after the bench it belongs to is removed."""
	if not log or not log.exists() or bench.path not in log.parents:
		return log
	saved = system.log_file(f"failed-{log.stem}")
	saved.parent.mkdir(parents=True, exist_ok=True)
	saved.write_bytes(log.read_bytes())
	return saved


def wait_until_gone(pids: list[int], seconds: float = 20) -> None:
	end = time.monotonic() + seconds
	while time.monotonic() < end and any(Path(f"/proc/{pid}").exists() for pid in pids):
		time.sleep(0.05)


class Bench:
	def __init__(self, path: Path, toolchain: Toolchain):
		self.path = path
		self.toolchain = toolchain
		self.sites = path / "sites"
		self.data = path / "mysql"
		self.logs = path / "logs"
		self.etc = path / "etc"
		self.settings_file = self.etc / "settings.json"

	# -- laying it out ---------------------------------------------------------------------------------------

	@property
	def run_dir(self) -> Path:
		"""Sockets and pid files. A socket's path may have 107 bytes at most, so a deep home folder gets /tmp."""
		inside = self.path / "run"
		if len(str(inside)) < 85:
			return inside
		digest = hashlib.sha256(str(self.path).encode()).hexdigest()[:12]
		return Path(tempfile.gettempdir()) / f"msp-licensing-{os.getuid()}-{digest}"

	@property
	def settings(self) -> dict:
		return json.loads(self.settings_file.read_text()) if self.settings_file.exists() else {}

	@property
	def site(self) -> str:
		return self.settings["site"]

	def exists(self) -> bool:
		return self.settings_file.exists()

	def make_folders(self) -> None:
		for folder in (self.sites, self.logs, self.etc, self.path / "apps", self.path / "tmp", self.run_dir):
			folder.mkdir(parents=True, exist_ok=True)
		self.run_dir.chmod(0o700)
		(self.sites / "assets").mkdir(exist_ok=True)

	def configure(
		self, site: str, *, with_app: bool, ports: dict[str, int] | None = None, **extra: object
	) -> None:
		"""Writes every configuration file; chooses ports unless they are given or were chosen before."""
		self.make_folders()
		names = ("db", "redis_cache", "redis_queue", "socketio", "web", "sandbox")
		kept = {**self.settings.get("ports", {}), **(ports or {})}
		missing = [name for name in names if name not in kept]
		kept.update(zip(missing, free_ports(len(missing)), strict=True))
		self.settings_file.write_text(
			json.dumps(
				{"site": site, "ports": kept, "checkout": str(config.CHECKOUT), "with_app": with_app},
				indent=1,
			)
		)
		apps = self.toolchain.app_names() + ([config.APP] if with_app else [])
		(self.sites / "apps.txt").write_text("\n".join(apps) + "\n")
		file = self.sites / "common_site_config.json"
		common = json.loads(file.read_text()) if file.exists() else {}
		common.update(
			{
				"db_host": "127.0.0.1",
				"db_port": kept["db"],
				"redis_cache": f"redis://127.0.0.1:{kept['redis_cache']}",
				"redis_queue": f"redis://127.0.0.1:{kept['redis_queue']}",
				"redis_socketio": f"redis://127.0.0.1:{kept['redis_queue']}",
				"socketio_port": kept["socketio"],
				"webserver_port": kept["web"],
				"default_site": site,
				"serve_default_site": True,
				"mute_emails": 1,
				"disable_website_cache": 0,
				**extra,
			}
		)
		file.write_text(json.dumps(common, indent=1))
		file.chmod(0o600)
		self._link_apps(apps)
		self._write_mariadb_config(kept["db"])

	def _link_apps(self, apps: list[str]) -> None:
		for app in apps:
			source = config.CHECKOUT if app == config.APP else self.toolchain.apps / app
			link = self.path / "apps" / app
			link.unlink(missing_ok=True)
			link.symlink_to(source)

	def link_assets(self) -> None:
		"""Built assets come from the toolchain; our own public folder from the checkout."""
		assets = self.sites / "assets"
		for item in self.toolchain.assets.iterdir():
			target = assets / item.name
			if item.name.startswith("assets") and item.suffix == ".json":
				shutil.copyfile(item, target)
			elif item.is_symlink() and not target.is_symlink():
				target.symlink_to(item.resolve())
		link = assets / config.APP
		link.unlink(missing_ok=True)
		link.symlink_to(config.CHECKOUT / config.APP / "public")
		if any((config.CHECKOUT / config.APP / "public").rglob("*.bundle.*")):
			tools = self.toolchain.node()
			frappe = self.toolchain.apps / "frappe"
			esbuild(tools["node"], self.path, frappe, [config.APP], self.logs / "assets.log")

	def without_assets(self) -> None:
		"""Pages can be rendered by the server with an empty list of bundles."""
		file = self.sites / "assets" / "assets.json"
		if not file.exists():
			file.write_text("{}")
		for app in [*self.toolchain.app_names(), config.APP]:
			source = config.CHECKOUT if app == config.APP else self.toolchain.apps / app
			link_assets(source, app, self.sites / "assets")

	# -- MariaDB ---------------------------------------------------------------------------------------------

	def _write_mariadb_config(self, port: int) -> None:
		as_user = "user = root\n" if os.geteuid() == 0 else ""
		(self.etc / "my.cnf").write_text(
			f"""[mysqld]
{as_user}datadir = {self.data}
socket = {self.run_dir}/mysql.sock
# Not /tmp: a server that starts removes the temporary tables of all others there.
tmpdir = {self.path / "tmp"}
pid-file = {self.run_dir}/mysql.pid
port = {port}
bind-address = 127.0.0.1
skip-name-resolve
character-set-server = utf8mb4
collation-server = utf8mb4_unicode_ci
# Small files, since the data folder is copied for every run, and no waiting for the disk: this data is disposable.
innodb_log_file_size = 16M
innodb_buffer_pool_size = 256M
innodb_flush_log_at_trx_commit = 2
innodb_doublewrite = 0
innodb_file_per_table = 1
max_allowed_packet = 64M
skip-log-bin
performance_schema = OFF
"""
		)

	def root_password(self) -> str:
		return (self.etc / "mariadb-root-password").read_text()

	def create_database_server(self) -> None:
		"""A new, empty data folder with a random root password that only this user can read."""
		programs = system.require_mariadb()
		secret = self.etc / "mariadb-root-password"
		secret.touch(mode=0o600)
		secret.write_text(secrets.token_urlsafe(24))
		command = [
			programs["installer"], f"--defaults-file={self.etc / 'my.cnf'}",
			"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve",
		]  # fmt: skip
		if os.geteuid() == 0:
			command.append("--user=root")
		run("make MariaDB's data folder", command, self.logs / "mariadb-install.log")

	def set_root_password(self) -> None:
		sql = (
			"DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost');"
			"FLUSH PRIVILEGES;"
			f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{self.root_password()}';"
			f"CREATE USER 'root'@'127.0.0.1' IDENTIFIED BY '{self.root_password()}';"
			"GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;"
		)
		done = subprocess.run(  # nosemgrep: frappe-subprocess-exec - a command for developers, with arguments of its own
			[
				system.require_mariadb()["client"],
				"--no-defaults",
				f"--socket={self.run_dir / 'mysql.sock'}",
				"-uroot",
			],
			input=sql,
			text=True,
			capture_output=True,
		)
		if done.returncode:
			raise Failure(
				f"Could not set MariaDB's root password: {done.stderr.strip()}", self.logs / "mariadb.log"
			)

	# -- processes -------------------------------------------------------------------------------------------

	def environment(self) -> dict[str, str]:
		"""For every command that runs against this bench."""
		path = os.pathsep.join([str(self.toolchain.venv / "bin"), os.environ.get("PATH", ""), "/usr/sbin"])
		env = {k: v for k, v in os.environ.items() if not k.startswith(("FRAPPE_", "DEV_SERVER"))}
		env.update(
			PATH=path,
			# The app under test is the one in this checkout, whatever the venv holds.
			PYTHONPATH=str(config.CHECKOUT),
			PYTHONUNBUFFERED="1",
			FRAPPE_BENCH_ROOT=str(self.path),
			FRAPPE_SITES_PATH=str(self.sites),
			FRAPPE_TEST_SITE=self.site,
			FRAPPE_SITE=self.site,
		)
		return env

	def write_supervisor(self, programs: dict[str, str], autostart: set[str] | None = None) -> None:
		"""`programs` are command lines by name; those of MariaDB and Redis are always there."""
		ports = self.settings["ports"]
		redis, mariadb = system.require_redis(), system.require_mariadb()["server"]
		q = shlex.quote
		base = {"mariadb": f"{q(str(mariadb))} --defaults-file={q(str(self.etc / 'my.cnf'))}"}
		for name in ("redis_cache", "redis_queue"):
			limit = " --maxmemory 128mb --maxmemory-policy allkeys-lru" if name == "redis_cache" else ""
			base[name] = (
				f"{q(str(redis))} --port {ports[name]} --bind 127.0.0.1 --save '' --appendonly no"
				f" --pidfile {q(str(self.run_dir / name))}.pid --dir {q(str(self.run_dir))}{limit}"
			)
		parts = [
			"[supervisord]",
			f"logfile={self.logs}/supervisord.log",
			f"pidfile={self.run_dir}/supervisord.pid",
			f"childlogdir={self.logs}",
			"logfile_backups=1",
			"silent=true",
			"[unix_http_server]",
			f"file={self.run_dir}/supervisor.sock",
			"chmod=0600",
			"[rpcinterface:supervisor]",
			"supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
			"[supervisorctl]",
			f"serverurl=unix://{self.run_dir}/supervisor.sock",
		]
		for name, command in {**base, **programs}.items():
			start = name in SERVICES or (autostart is not None and name in autostart)
			parts += [
				f"[program:{name}]",
				f"command={command}",
				f"directory={self.sites}",
				f"autostart={str(start).lower()}",
				f"priority={10 if name in SERVICES else 20}",
				"startsecs=0" if name in SERVICES else "startsecs=1",
				"stopwaitsecs=30",
				# A worker's running job, and node's children, end with it.
				"stopasgroup=true",
				"killasgroup=true",
				"redirect_stderr=true",
				f"stdout_logfile={self.logs}/{name}.log",
				"stdout_logfile_maxbytes=10MB",
				"stdout_logfile_backups=1",
			]
		# A percent sign in a path would be read as the start of a placeholder.
		(self.etc / "supervisord.conf").write_text("\n".join(parts).replace("%", "%%") + "\n")

	def supervisor_pid(self) -> int | None:
		"""The pid of this bench's supervisord, if it is running."""
		try:
			pid = int((self.run_dir / "supervisord.pid").read_text())
			command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
		except (OSError, ValueError):
			return None
		return pid if str(self.etc / "supervisord.conf") in command else None

	def supervisorctl(self, *arguments: str) -> subprocess.CompletedProcess:
		return subprocess.run(  # nosemgrep: frappe-subprocess-exec - a command for developers, with arguments of its own
			[*self.supervisorctl_command(), *arguments],
			capture_output=True,
			text=True,
			stdin=subprocess.DEVNULL,
		)

	def supervisorctl_command(self) -> list[str]:
		return [str(self.toolchain.venv / "bin" / "supervisorctl"), "-c", str(self.etc / "supervisord.conf")]

	def start(self, programs: dict[str, str] | None = None, autostart: set[str] | None = None) -> None:
		"""Starts MariaDB and both Redis, and `autostart` out of `programs`; waits for the former to answer."""
		self.write_supervisor(programs or {}, autostart)
		if self.supervisor_pid() is None:
			self.kill_leftovers()
			run(
				"start the background services",
				[self.toolchain.venv / "bin" / "supervisord", "-c", self.etc / "supervisord.conf"],
				self.logs / "start.log",
				env=self.environment(),
				cwd=self.path,
			)
		else:
			self.supervisorctl("reread")
			self.supervisorctl("update")
		ports = self.settings["ports"]
		for name, port in (("mariadb", "db"), ("redis_cache", "redis_cache"), ("redis_queue", "redis_queue")):
			self.wait_for_port(name, ports[port])

	def wait_for_port(self, program: str, port: int, seconds: float = 60) -> None:
		"""Waits until `program` itself listens: someone else's server on the same port does not count."""
		end = time.monotonic() + seconds
		log = self.logs / f"{program}.log"
		while time.monotonic() < end:
			status = self.supervisorctl("status", program).stdout
			if "FATAL" in status or "EXITED" in status:
				break
			if "RUNNING" in status and answers(port):
				return
			time.sleep(0.1)
		raise Failure(f"{program} did not start on port {port}.", log)

	def stop(self) -> None:
		pid = self.supervisor_pid()
		if pid is not None:
			os.kill(pid, signal.SIGTERM)
			end = time.monotonic() + 60
			while time.monotonic() < end and self.supervisor_pid() is not None:
				time.sleep(0.1)
		self.kill_leftovers()

	def kill_leftovers(self) -> None:
		"""Servers of this bench that outlived their supervisord, for instance when that one was killed."""
		if self.supervisor_pid() is not None or not self.run_dir.exists():
			return
		for file in self.run_dir.glob("*.pid"):
			try:
				pid = int(file.read_text())
				command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
				cwd = os.readlink(f"/proc/{pid}/cwd")
			except (OSError, ValueError):
				continue
			# redis rewrites its command line, so its working folder is asked too.
			if str(self.etc) in command or cwd.startswith(str(self.path)):
				os.kill(pid, signal.SIGTERM)
				wait_until_gone([pid])

	def kill(self) -> None:
		"""Ends everything at once, for a bench whose data is thrown away: an orderly shutdown takes seconds."""
		pid = self.supervisor_pid()
		if pid is not None:
			children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
			os.kill(pid, signal.SIGKILL)
			for child in map(int, children):
				# Each program leads a process group of its own, in which its own children are.
				with contextlib.suppress(ProcessLookupError):
					os.killpg(child, signal.SIGKILL)
			wait_until_gone([pid, *map(int, children)])
		self.kill_leftovers()

	def destroy(self) -> None:
		self.kill()
		if self.run_dir.parent != self.path and self.run_dir.exists():
			shutil.rmtree(self.run_dir)
		home.remove(self.path)

	# -- Frappe ----------------------------------------------------------------------------------------------

	def frappe_command(self, *arguments: str) -> list[str]:
		return [str(self.toolchain.python), "-m", "frappe.utils.bench_helper", "frappe", *arguments]

	def frappe(self, what: str, *arguments: str, log: str = "frappe") -> None:
		run(
			what,
			self.frappe_command("--site", self.site, *arguments),
			self.logs / f"{log}.log",
			cwd=self.sites,
			env=self.environment(),
		)

	def installed_apps(self) -> list[str]:
		# `list-apps --format json` is wrong in some releases, so the function behind it is asked.
		return self.call("ask the site for its apps", "frappe.get_installed_apps")

	def call(self, what: str, method: str, *, log: str = "frappe", **arguments: object) -> Any:
		"""What a Python function returns, run as Administrator on the site and committed."""
		with tempfile.NamedTemporaryFile(dir=self.etc) as answer:
			script = Path(__file__).with_name("call.py")
			run(
				what,
				[self.toolchain.python, script, self.site, method, json.dumps(arguments), answer.name],
				self.logs / f"{log}.log",
				cwd=self.sites,
				env=self.environment(),
			)
			return json.loads(Path(answer.name).read_text())
