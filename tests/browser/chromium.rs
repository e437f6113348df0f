//! A session of headless Chromium, driven over WebDriver, that ends with the process of the tests.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use thirtyfour::{
    ChromiumLikeCapabilities as _, DesiredCapabilities, Key, WebDriver, prelude::CapabilitiesHelper as _,
};
use tokio::runtime::Runtime;

/// How long a page may take to do what a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a script may take: axe looks at large pages for long where the machine is busy.
const SCRIPT_TIME_MAX: Duration = Duration::from_secs(120);
/// How long the driver may take to answer: longer, so that it is the driver that says what took so long.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(150);
/// How often a test looks.
const POLL_TIME: Duration = Duration::from_millis(50);

/// The browser, which one test uses at a time.
pub struct Browser {
    runtime: Runtime,
    driver: WebDriver,
    server: String,
    /// Ends the browser when the process does: it runs while this one's standard input is open.
    _process: Child,
}

/// Finds a program, and installs its Debian package when it is absent and that is allowed.
fn program(name: &str, package: &str) -> PathBuf {
    let found = || {
        ["/usr/bin", "/usr/local/bin"].map(|folder| Path::new(folder).join(name)).into_iter().find(|path| path.exists())
    };
    if let Some(path) = found() {
        return path;
    }
    let root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    assert!(root, "{name} is not installed: install Debian's packages chromium and chromium-driver, then test again");
    let install = format!("apt-get update -qq && apt-get install -qq -y --no-install-recommends {package}");
    let installed = Command::new("sh").args(["-c", &install]).status().unwrap();
    assert!(installed.success(), "{package} cannot be installed; see the output of apt-get above");
    found().unwrap_or_else(|| panic!("{package} brought no {name}"))
}

/// Starts chromedriver on a free port and returns where.
fn start_driver() -> (Child, String) {
    let path = program("chromedriver", "chromium-driver");
    // The shell ends the driver, and with it the browser, once this process no longer holds the other end.
    let script = "\"$0\" --port=0 & driver=$!; read -r _ignored; kill $driver; wait $driver";
    let mut process = Command::new("sh")
        .args(["-c", script, path.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let port = lines.map_while(Result::ok).find_map(|line| {
        let port = line.split("successfully on port ").nth(1)?;
        port.trim_end_matches('.').parse::<u16>().ok()
    });
    (process, format!("http://127.0.0.1:{}", port.expect("chromedriver says its port")))
}

/// Waits until what is looked for is there, and returns it. Until then a look says what is there instead.
#[track_caller]
pub fn soon<Found>(look: impl Fn() -> Result<Found, String>) -> Found {
    let started = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(instead) => assert!(started.elapsed() < PATIENCE, "{instead}"),
        }
        thread::sleep(POLL_TIME);
    }
}

/// Where the browser saves files.
pub fn downloads() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("downloads")
}

/// Waits for a file that the browser saves, and returns what is in it.
#[track_caller]
pub fn saved(path: &Path) -> Vec<u8> {
    soon(|| match fs::read(path) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(format!("{} is not saved", path.display())),
    })
}

impl Browser {
    /// A browser with a profile of its own.
    pub fn start(profile: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (process, server) = start_driver();
        let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join(profile);
        drop(fs::remove_dir_all(&profile));
        let mut wanted = DesiredCapabilities::chrome();
        wanted.set_binary(program("chromium", "chromium").to_str().unwrap()).unwrap();
        let profile = format!("--user-data-dir={}", profile.display());
        let flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"];
        for flag in flags.into_iter().chain([profile.as_str(), "--hide-scrollbars", "--lang=en"]) {
            wanted.add_arg(flag).unwrap();
        }
        wanted.set("goog:loggingPrefs", json!({ "browser": "ALL", "performance": "ALL" })).unwrap();
        let driver = runtime.block_on(async {
            let driver = WebDriver::builder(&server, wanted).request_timeout(ANSWER_TIME_MAX).await.unwrap();
            driver.set_script_timeout(SCRIPT_TIME_MAX).await.unwrap();
            driver
        });
        let browser = Self { runtime, driver, server, _process: process };
        drop(fs::create_dir_all(downloads()));
        let save = json!({ "behavior": "allow", "downloadPath": downloads() });
        browser.devtools("Browser.setDownloadBehavior", save);
        browser
    }

    /// A command of the Chrome DevTools Protocol.
    pub fn devtools(&self, method: &str, arguments: Value) -> Value {
        self.runtime.block_on(self.driver.cdp().send_raw(method, arguments)).unwrap()
    }

    /// Opens an address and waits until it is loaded.
    pub fn open(&self, url: &str) {
        self.runtime.block_on(self.driver.goto(url)).unwrap();
    }

    /// Does something in a tab of its own, closes it and comes back to this one.
    pub fn in_another_tab(&self, work: impl FnOnce()) {
        let this = self.runtime.block_on(async {
            let this = self.driver.window().await.unwrap();
            let other = self.driver.new_tab().await.unwrap();
            self.driver.switch_to_window(other).await.unwrap();
            this
        });
        work();
        self.runtime.block_on(async {
            self.driver.close_window().await.unwrap();
            self.driver.switch_to_window(this).await.unwrap();
        });
    }

    /// What a script returns.
    pub fn run(&self, script: &str) -> Value {
        let returned = self.runtime.block_on(self.driver.execute(script, vec![]));
        returned.unwrap_or_else(|error| panic!("{script}: {error}")).json().clone()
    }

    /// What a script hands to its last argument, a function.
    pub fn run_async(&self, script: &str) -> Value {
        self.runtime.block_on(self.driver.execute_async(script, vec![])).unwrap().json().clone()
    }

    /// Waits until a script returns what is true.
    #[track_caller]
    pub fn until(&self, script: &str) {
        self.soon(&format!("return Boolean({script})"), &Value::Bool(true));
    }

    /// Waits until a script returns what is expected.
    #[track_caller]
    pub fn soon(&self, script: &str, expected: &Value) {
        let started = Instant::now();
        loop {
            let returned = self.run(script);
            if returned == *expected {
                return;
            }
            let late = format!("{script}: {returned} does not become {expected}");
            assert!(started.elapsed() < PATIENCE, "{late} on:\n{}", self.text("body"));
            thread::sleep(POLL_TIME);
        }
    }

    /// The text of the first element that a selector finds, as people see it.
    pub fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({})?.innerText ?? ''", json!(selector));
        self.run(&script).as_str().unwrap().to_owned()
    }

    /// Clicks the first element that a selector finds.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        let script = format!(
            "const found = document.querySelector({}); found?.scrollIntoView({{ block: 'center' }}); found?.click(); return found !== null",
            json!(selector)
        );
        assert_eq!(self.run(&script), Value::Bool(true), "{selector} is not there");
    }

    /// Chooses a file in an input.
    pub fn choose(&self, selector: &str, file: &Path) {
        self.runtime.block_on(async {
            let input = self.driver.find(thirtyfour::By::Css(selector)).await.unwrap();
            input.send_keys(file.to_str().unwrap()).await.unwrap();
        });
    }

    /// Types into whatever has the focus.
    pub fn keys(&self, keys: &str) {
        self.runtime.block_on(async {
            self.driver.active_element().await.unwrap().send_keys(keys).await.unwrap();
        });
    }

    /// Presses a key, wherever the focus is. It is not sent to an element: a field for a file takes for a path what it is sent.
    pub fn press(&self, key: Key) {
        let key = char::from(key);
        self.runtime.block_on(self.driver.action_chain().key_down(key).key_up(key).perform()).unwrap();
    }

    /// The same while the shift key is held.
    pub fn press_with_shift(&self, key: Key) {
        let key = char::from(key);
        let held = self.driver.action_chain().key_down(Key::Shift).key_down(key);
        self.runtime.block_on(held.key_up(key).key_up(Key::Shift).perform()).unwrap();
    }

    /// Lays the page out at a width, in CSS pixels.
    pub fn set_width(&self, width: u32) {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Prefers light or dark colours, as the system would.
    pub fn prefer(&self, scheme: &str) {
        self.prefer_on("", scheme);
    }

    /// The same, with the page laid out for a medium, such as `print`.
    pub fn prefer_on(&self, medium: &str, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "media": medium, "features": features }));
    }

    /// The page as a PDF of A4.
    pub fn print(&self) -> Vec<u8> {
        let paper = json!({ "paperWidth": 8.27, "paperHeight": 11.69 });
        let printed = self.devtools("Page.printToPDF", paper);
        data_encoding(printed["data"].as_str().unwrap())
    }

    /// Allows scripts of pages, or not.
    pub fn allow_scripts(&self, allowed: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": !allowed }));
    }

    /// Lets the browser reach servers, or not.
    pub fn allow_network(&self, allowed: bool) {
        let line = json!({ "offline": !allowed, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.devtools("Network.emulateNetworkConditions", line);
    }

    /// Plugs in an authenticator that always consents, the only one.
    pub fn plug_in(&self, transport: &str) {
        self.devtools("WebAuthn.disable", json!({}));
        self.devtools("WebAuthn.enable", json!({}));
        let options = json!({
            "protocol": "ctap2", "transport": transport, "hasResidentKey": true, "hasUserVerification": true,
            "isUserVerified": true, "automaticPresenceSimulation": true,
        });
        self.devtools("WebAuthn.addVirtualAuthenticator", json!({ "options": options }));
    }

    /// Unplugs every authenticator.
    pub fn unplug(&self) {
        self.devtools("WebAuthn.disable", json!({}));
    }

    /// The whole page as PNG.
    pub fn screenshot(&self, path: &Path) {
        self.capture(path, 0.0, f64::INFINITY, true);
    }

    /// A part of the page as PNG: from a place on, at most so high, in CSS pixels.
    pub fn picture(&self, path: &Path, top: f64, height_max: f64) {
        self.capture(path, top, height_max, false);
    }

    /// In haste, it is encoded in less time and more bytes.
    fn capture(&self, path: &Path, top: f64, height_max: f64, in_haste: bool) {
        let size = self.devtools("Page.getLayoutMetrics", json!({}))["cssContentSize"].clone();
        let height = (size["height"].as_f64().unwrap() - top).min(height_max);
        let clip = json!({ "x": 0, "y": top, "width": size["width"], "height": height, "scale": 1 });
        let shot = json!({
            "format": "png", "captureBeyondViewport": true, "clip": clip, "optimizeForSpeed": in_haste,
        });
        let taken = self.devtools("Page.captureScreenshot", shot);
        let bytes = data_encoding(taken["data"].as_str().unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// What the browser logged since this was last asked: `browser` for the console, `performance` for requests.
    pub fn log(&self, kind: &str) -> Vec<Value> {
        let session = self.driver.session_id().to_string();
        let url = format!("{}/session/{session}/se/log", self.server);
        let mut answer = crate::api::agent().post(url).send_json(json!({ "type": kind })).unwrap();
        let answer: Value = answer.body_mut().with_config().limit(64 << 20).read_json().unwrap();
        answer["value"].as_array().unwrap().clone()
    }

    /// What went wrong on pages since this was last asked.
    pub fn complaints(&self) -> Vec<String> {
        let entries = self.log("browser").into_iter();
        entries.filter(|entry| entry["level"] == "SEVERE").map(|entry| entry["message"].to_string()).collect()
    }
}

fn data_encoding(text: &str) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.decode(text).unwrap()
}

/// The browser, for as long as the test holds it.
pub fn browser() -> MutexGuard<'static, Browser> {
    static BROWSER: OnceLock<Mutex<Browser>> = OnceLock::new();
    let browser = BROWSER.get_or_init(|| Mutex::new(Browser::start("profile")));
    // A test that failed leaves the browser as usable as any.
    let browser = browser.lock().unwrap_or_else(PoisonError::into_inner);
    browser.allow_scripts(true);
    browser.allow_network(true);
    browser.set_width(1_024);
    browser.prefer("light");
    drop(browser.complaints());
    browser
}
