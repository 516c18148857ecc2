//! The note for colleagues: when a migration runs and for how long, what it changes, how it is undone, whom to
//! ask, and which webhooks it sets off. Secrets of webhooks, which are in their addresses too, are left out.

use super::{ItemResult, ItemStatus};
use crate::text::{count, duration, join_and, markdown, markdown_code, plural, share};
use neonbench_engine::engine::limiter::ExpectedEcho;
use neonbench_engine::plan::{Operation, Plan};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Name of the item.
const ITEM: &str = "notice";

/// The trigger of a webhook that a migration sets off: it updates accounts, and creates or deletes none.
const TRIGGER: &str = "UPDATE_ACCOUNT";

/// Share of an integration's calls that may be refused.
const MOST_REFUSED: f64 = 0.05;

/// A webhook of the organisation, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncedHook {
    /// Its name in Neon.
    pub name: String,
    /// Host of its address; path and query may hold a secret.
    pub host: String,
    /// The event that it is for, such as `UPDATE_ACCOUNT`.
    pub trigger: String,
}

impl AnnouncedHook {
    /// The webhooks in an answer of `GET /webhooks`; what is no webhook is left out.
    pub fn list(answer: &Value) -> Vec<Self> {
        let hooks = answer.as_array().map(Vec::as_slice).unwrap_or_default();
        let hook = |hook: &Value| {
            let text = |member: &str| Some(hook.get(member)?.as_str()?.to_owned());
            let host = host_of(&text("url")?);
            let name = text("name").unwrap_or_default();
            Some(Self { name, host, trigger: text("trigger").unwrap_or_default() })
        };
        hooks.iter().filter_map(hook).collect()
    }

    /// True if a migration sets it off; one without a trigger may be.
    pub fn is_set_off(&self) -> bool {
        self.trigger.is_empty() || self.trigger.eq_ignore_ascii_case(TRIGGER)
    }
}

/// Host of an address, without user, port, path and query.
fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default().to_owned(),
        None => host.split(':').next().unwrap_or_default().to_owned(),
    }
}

/// All that the note says.
#[derive(Clone, Debug)]
pub struct Notice<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The organisation, for people.
    pub organisation: &'a str,
    /// Number of accounts that the plan selects.
    pub accounts: u64,
    /// The most writes of an account.
    pub writes_per_account: u64,
    /// 5th, 50th and 95th percentile of the time, in seconds.
    pub makespan_s: [f64; 3],
    /// End of the window, for people.
    pub until: Option<&'a str>,
    /// Who was told.
    pub told: Option<&'a str>,
    /// The command that undoes the run; its number is not known yet.
    pub undo: &'a str,
    /// The organisation's webhooks; `None` if they could not be read.
    pub hooks: Option<&'a [AnnouncedHook]>,
    /// Share of the integrations' calls that would be refused, where it was simulated.
    pub refused: Option<SimulatedEcho>,
}

/// Calls of integrations in simulated runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimulatedEcho {
    /// The calls that answer a write, and when.
    pub echo: ExpectedEcho,
    /// Share of them that were refused.
    pub refused_share: f64,
}

impl Notice<'_> {
    /// The webhooks that the migration sets off.
    fn set_off(&self) -> impl Iterator<Item = &AnnouncedHook> {
        self.hooks.unwrap_or_default().iter().filter(|hook| hook.is_set_off())
    }

    /// Deliveries that the migration sets off at most: one per write and webhook, before retries, if writes by the
    /// API set webhooks off.
    pub fn deliveries(&self) -> u64 {
        self.set_off().count() as u64 * self.writes()
    }

    /// The most writes, before retries.
    const fn writes(&self) -> u64 {
        self.accounts * self.writes_per_account
    }

    /// The text of `notice.md`.
    pub fn to_markdown(&self) -> String {
        let mut text = String::from("# A migration of account fields\n");
        let (organisation, accounts) =
            (markdown(self.organisation), plural(self.accounts, "account"));
        let _ = writeln!(text, "\nWe change custom fields of {accounts} of {organisation}.");
        if !self.plan.description.is_empty() {
            let _ = writeln!(text, "\nPurpose: {}", markdown(&self.plan.description));
        }
        let [_, p50, p95] = self.makespan_s.map(duration);
        let _ = writeln!(text, "\n## When\n");
        let _ = writeln!(text, "- Start: to be announced");
        let _ = writeln!(text, "- Time: about {p50}; 95 % of runs end within {p95}");
        if let Some(until) = self.until {
            let _ = writeln!(text, "- End of the window: {}", markdown(until));
        }
        let _ = writeln!(
            text,
            "\nPlease do not edit these fields meanwhile. The API is slower for other programs during the run."
        );
        let _ = writeln!(text, "\n## Changes\n\n{}", self.changes().join("\n"));
        let _ = writeln!(text, "\n## Webhooks\n\n{}", self.webhooks());
        let undo = markdown_code(self.undo);
        let _ = writeln!(
            text,
            "\n## If something is wrong\n\nThe run is undone by {undo}; `neonbench history` shows its number. It restores every field that still has the \
             run's value, and leaves alone what somebody has edited since."
        );
        let _ = writeln!(text, "\nPlease ask the sender of this note.");
        if let Some(told) = self.told {
            let _ = writeln!(text, "\nTold: {}", markdown(told));
        }
        text
    }

    /// The mappings, a line each.
    fn changes(&self) -> Vec<String> {
        let line = |mapping: &neonbench_engine::plan::Mapping| {
            let (source, target) = (markdown_code(&mapping.source), markdown_code(&mapping.target));
            let change = match mapping.operation {
                Operation::Replace => format!("{target} becomes the value of {source}"),
                Operation::Merge => format!("the value of {source} is added to {target}"),
                Operation::AddOption => format!("{target} gains the option that {source} names"),
                Operation::CopyIfEmpty => {
                    format!("{target} becomes the value of {source} where it is blank")
                }
                Operation::Transform => format!("{target} becomes the changed value of {source}"),
            };
            match (self.plan.cleanup_only, mapping.preserve_source) {
                (true, true) => format!("- {source} and {target} stay as they are"),
                (true, false) => format!("- {source} is cleared where its value is in {target}"),
                (false, true) => format!("- {change}"),
                (false, false) => format!("- {change}, and {source} is cleared"),
            }
        };
        self.plan.mappings.iter().map(line).collect()
    }

    fn webhooks(&self) -> String {
        if self.hooks.is_none() {
            return "The organisation's webhooks could not be read: ask who runs integrations."
                .to_owned();
        }
        let named: Vec<String> = self.set_off().map(in_words).collect();
        if named.is_empty() {
            return "No webhook is set for changed accounts.".to_owned();
        }
        let (hooks, deliveries) = (join_and(&named), plural(self.deliveries(), "delivery"));
        let mut text = format!(
            "The run may set off up to {deliveries}, one for each write, to {hooks}. (Neon does not say \
             whether writes by its API set webhooks off.)"
        );
        if let Some(SimulatedEcho { refused_share, .. }) = self.refused {
            let refused = share(refused_share);
            let _ = write!(
                text,
                " In simulations {refused} of the calls with which they answer were refused."
            );
        }
        text
    }

    /// The result of the item: passes if somebody was told and no webhook is set off.
    pub fn result(&self) -> ItemResult {
        let hooks = self.set_off().count() as u64;
        let mut findings = Vec::new();
        if self.told.is_none_or(|told| told.trim().is_empty()) {
            findings.push(
                "nobody was told: send the notice, and add --told with their names".to_owned(),
            );
        }
        if self.hooks.is_none() {
            findings.push("the organisation's webhooks could not be read".to_owned());
        }
        findings.extend(self.set_off().map(|hook| {
            let AnnouncedHook { name, host, .. } = hook;
            format!("webhook `{name}` to {host}: up to {}", plural(self.writes(), "delivery"))
        }));
        let refused = self.refused.filter(|it| it.refused_share > MOST_REFUSED && hooks > 0);
        if let Some(SimulatedEcho { echo, refused_share }) = refused {
            findings.push(format!(
                "{} of the integrations' calls would be refused, and at most {} should be: `--echo {echo}` leaves room for \
                 them",
                share(refused_share),
                share(MOST_REFUSED)
            ));
        }
        let status = match (&refused, findings.is_empty()) {
            (Some(_), _) => ItemStatus::Fail,
            (None, true) => ItemStatus::Pass,
            (None, false) => ItemStatus::Warn,
        };
        let told =
            self.told.map_or_else(|| "nobody was told".to_owned(), |told| format!("told: {told}"));
        let summary = match hooks {
            0 => format!("{told}; no webhook is set off"),
            hooks => {
                let (hooks, deliveries) = (plural(hooks, "webhook"), count(self.deliveries()));
                format!("{told}; {hooks}, up to {deliveries} deliveries")
            }
        };
        ItemResult {
            name: ITEM.to_owned(),
            status,
            summary,
            findings,
            evidence: self.evidence(),
            runs: Vec::new(),
        }
    }

    fn evidence(&self) -> Map<String, Value> {
        let members = [
            ("told", json!(self.told)),
            ("until", json!(self.until)),
            ("makespan_s", json!(self.makespan_s)),
            ("webhooks", json!(self.hooks)),
            ("deliveries", json!(self.deliveries())),
            ("integrations_refused", json!(self.refused.map(|it| it.refused_share))),
        ];
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn in_words(hook: &AnnouncedHook) -> String {
    let host = markdown_code(&hook.host);
    if hook.name.is_empty() { host } else { format!("{} ({host})", markdown(&hook.name)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use neonbench_engine::plan::Mapping;

    fn hooks() -> Vec<AnnouncedHook> {
        AnnouncedHook::list(&json!([
            {"id": "1", "name": "Doors", "url": "https://user:pw@doors.example.org:8443/in/s3cret?key=s3cret",
             "trigger": "UPDATE_ACCOUNT", "customParameters": [{"name": "k", "value": "s3cret"}],
             "httpBasic": {"username": "u", "password": "s3cret"}},
            {"id": 2, "name": "Thanks", "url": "https://thanks.example.org/", "trigger": "CREATE_DONATION",
             "customParameters": null},
            {"id": 3}
        ]))
    }

    fn notice<'a>(plan: &'a Plan, hooks: &'a [AnnouncedHook]) -> Notice<'a> {
        Notice {
            plan,
            organisation: "org | <b>",
            accounts: 500,
            writes_per_account: 1,
            makespan_s: [42.0, 44.0, 47.0],
            until: None,
            told: Some("the office"),
            undo: "neonbench undo 7",
            hooks: Some(hooks),
            refused: Some(echo(0.02)),
        }
    }

    fn echo(refused_share: f64) -> SimulatedEcho {
        SimulatedEcho { echo: "3x2s".parse().unwrap(), refused_share }
    }

    fn plan() -> Plan {
        let mapping = Mapping {
            preserve_source: false,
            ..Mapping::new("V-Old", "Skills", Operation::AddOption)
        };
        Plan { mappings: vec![mapping], ..Plan::default() }
    }

    #[test]
    fn the_note_says_what_colleagues_need_and_no_secret() {
        let (plan, hooks) = (plan(), hooks());
        let text = notice(&plan, &hooks).to_markdown();
        for words in [
            "500 accounts of org \\| &lt;b&gt;",
            "- Start: to be announced",
            "about 44.0 s; 95 % of runs end within 47.0 s",
            "- `Skills` gains the option that `V-Old` names, and `V-Old` is cleared",
            "up to 500 deliveries, one for each write, to Doors (`doors.example.org`)",
            "`neonbench undo 7`",
            "Please ask the sender of this note.",
            "Told: the office",
        ] {
            assert!(text.contains(words), "no `{words}` in {text}");
        }
        let result = notice(&plan, &hooks).result();
        let all = format!("{text}{result:?}");
        for secret in ["s3cret", "user", "8443", "pw@"] {
            assert!(!all.contains(secret), "`{secret}` in {all}");
        }
    }

    #[test]
    fn the_item_passes_only_if_told_and_unheard() {
        let (plan, hooks) = (plan(), hooks());
        let all = notice(&plan, &hooks);
        let cases = [
            (all.clone(), ItemStatus::Warn),
            (Notice { hooks: Some(&hooks[1..]), ..all.clone() }, ItemStatus::Pass),
            (Notice { hooks: Some(&hooks[1..]), told: None, ..all.clone() }, ItemStatus::Warn),
            (Notice { hooks: Some(&hooks[1..]), told: Some(" "), ..all.clone() }, ItemStatus::Warn),
            (Notice { hooks: None, ..all.clone() }, ItemStatus::Warn),
            (Notice { refused: Some(echo(0.06)), ..all.clone() }, ItemStatus::Fail),
        ];
        for (notice, expected) in cases {
            let result = notice.result();
            assert_eq!(result.status, expected, "{result:?}");
            assert_eq!(result.findings.is_empty(), expected == ItemStatus::Pass, "{result:?}");
            // The advice is the echo that was simulated.
            let is_advised = result.findings.iter().any(|it| it.contains("`--echo 3x2s`"));
            assert_eq!(is_advised, expected == ItemStatus::Fail, "{result:?}");
        }
        let twice = Notice { writes_per_account: 2, ..all.clone() };
        assert!(twice.to_markdown().contains("up to 1,000 deliveries"), "{}", twice.to_markdown());
        assert_eq!((all.deliveries(), all.set_off().count()), (500, 1));
    }
}
