//! The pages in a real browser: Chromium, headless, on a network that a demo made.
//!
//! One server and one browser serve all tests. Screenshots of every page lie in `target/screenshots` afterwards.

mod builder;
mod chromium;
mod compressed;
mod fields;
mod following;
mod forms;
mod headers;
mod hostile;
mod journeys;
mod keyboard;
mod looks;
mod markup;
mod mishaps;
mod patient;
mod pictures;
mod receipts;
mod results;
pub mod roles;
mod sign_in;
pub mod site;
mod sponsors;
mod walks;
