//! Pages as somebody goes through them who has no mouse: by keys alone, and wherever they are, they see it.

use serde_json::{Value, json};
use thirtyfour::Key;

use super::chromium::Browser;

/// More stops than the longest page has: whoever presses the tab key so often is caught in something.
const STOPS_MAX: usize = 200;

/// Notes, before a key is pressed, where the focus is and how everything is ringed that does not have it. Whether nothing is being
/// put in place, which may take the focus back to where it was.
const NOTE: &str = "
    window.ring = one => {
        const { outline, outlineStyle, boxShadow } = getComputedStyle(one);
        return (outlineStyle === 'none' ? '' : outline) + (boxShadow === 'none' ? '' : boxShadow);
    };
    window.left = document.activeElement;
    window.rings = new WeakMap();
    for (const one of document.querySelectorAll('a, button, input, select, textarea, summary, [tabindex]')) {
        if (one !== window.left) window.rings.set(one, ring(one));
    }
    return document.querySelector('.htmx-swapping, .htmx-settling, .htmx-added') === null";
/// What is wrong with the stop that was come to: an empty text where nothing is, and null behind the last stop of a page. What
/// is larger than the window fills it, and places are rounded to a pixel on either side. What was put there since the note
/// counts as having had no ring.
const WRONG: &str = "
    const one = document.activeElement;
    if (one === document.body) return null;
    const says = trouble => `${one.outerHTML.slice(0, 120)} ${trouble}`;
    if (one === window.left) return says('holds the focus');
    const frame = one.getBoundingClientRect(), [line] = one.getClientRects();
    if (!line || frame.width === 0 || frame.height === 0) return says('has no size');
    const isIn = (start, end, room) => Math.min(end, room) - Math.max(start, 0) >= Math.min(end - start, room) - 2;
    if (!isIn(frame.left, frame.right, innerWidth) || !isIn(frame.top, frame.bottom, innerHeight)) {
        return says('is out of sight');
    }
    const middle = (start, end, room) => (Math.max(start, 0) + Math.min(end, room)) / 2;
    const [x, y] = [middle(line.left, line.right, innerWidth), middle(line.top, line.bottom, innerHeight)];
    if (!one.contains(document.elementFromPoint(x, y))) return says('is covered');
    const had = window.rings.get(one) ?? '';
    return ['', had].includes(ring(one)) ? says('does not show that it has the focus') : '';";
/// Whether the focus is in the content or behind it.
const IS_PAST: &str = "
    const place = document.getElementById('content').compareDocumentPosition(document.activeElement);
    return (place & (Node.DOCUMENT_POSITION_CONTAINED_BY | Node.DOCUMENT_POSITION_FOLLOWING)) !== 0";

/// Whether what had the focus before the page ended is the last of what can have it.
const IS_LAST: &str = "
    const all = document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]');
    const stops = [...all].filter(one => one.tabIndex >= 0 && !one.disabled && one.checkVisibility({ visibilityProperty: true }));
    return stops.at(-1) === window.left";

/// The link that leads past the navigation: the first stop of each page.
pub const SKIP: &str = "a.skip[href='#content']";

/// Somebody who goes through pages by keys.
pub struct Walk<'b>(&'b Browser);

impl<'b> Walk<'b> {
    /// Begins at an address, the only one that is given.
    pub fn begin(browser: &'b Browser, url: &str) -> Self {
        browser.open(url);
        Self(browser)
    }

    /// Goes one stop on, or back, and sees where that is. Whether there was one before the page ended.
    #[track_caller]
    fn steps(&self, is_back: bool) -> bool {
        self.0.soon(NOTE, &Value::Bool(true));
        if is_back {
            self.0.press_with_shift(Key::Tab);
        } else {
            self.0.press(Key::Tab);
        }
        let wrong = self.0.run(WRONG);
        if wrong.is_null() {
            return false;
        }
        // What slides in is seen a moment later.
        if wrong != json!("") {
            self.0.soon(WRONG, &json!(""));
        }
        true
    }

    /// Whether a selector finds what has the focus.
    fn stands_on(&self, target: &str) -> bool {
        self.0.run(&format!("return document.activeElement.matches({})", json!(target))) == Value::Bool(true)
    }

    #[track_caller]
    fn goes(&self, is_back: bool, target: &str) {
        for _ in 0..STOPS_MAX {
            if self.steps(is_back) && self.stands_on(target) {
                return;
            }
        }
        panic!("{target} is none of {STOPS_MAX} stops");
    }

    /// Goes on until a selector finds what has the focus.
    #[track_caller]
    pub fn to(&self, target: &str) {
        self.goes(false, target);
    }

    /// Goes back until it does.
    #[track_caller]
    pub fn back_to(&self, target: &str) {
        self.goes(true, target);
    }

    /// Goes on to a link or a button and presses it.
    #[track_caller]
    pub fn enter(&self, target: &str) {
        self.to(target);
        self.press(Key::Enter);
    }

    pub fn press(&self, key: Key) {
        self.0.press(key);
    }

    /// Types where the focus is.
    pub fn types(&self, text: &str) {
        self.0.keys(text);
    }

    /// Puts a text in where the focus is, all at once as from a clipboard.
    pub fn pastes(&self, text: &str) {
        self.0.devtools("Input.insertText", json!({ "text": text }));
    }

    /// Leaves the navigation behind by the link for that, and goes to the first stop after it.
    #[track_caller]
    pub fn skips(&self) {
        assert!(self.stands_on(SKIP), "another stop comes before the link past the navigation");
        self.press(Key::Enter);
        self.0.until("document.activeElement.id === 'content'");
        assert!(self.steps(false), "nothing comes after the navigation");
        assert_eq!(self.0.run(IS_PAST), true, "the navigation comes again");
    }

    /// Goes on to where the page ends.
    #[track_caller]
    pub fn leaves(&self) {
        let stops = (0..STOPS_MAX).take_while(|_| self.steps(false)).count();
        assert!(stops < STOPS_MAX, "the page does not end within {STOPS_MAX} stops");
        assert_eq!(self.0.run(IS_LAST), true, "the focus is lost before the last stop of the page");
    }

    /// Passes a page from its first stop, the link past the navigation, to its end.
    #[track_caller]
    pub fn passes(&self) {
        assert!(self.steps(false), "the page has no stop");
        self.skips();
        self.leaves();
    }
}
