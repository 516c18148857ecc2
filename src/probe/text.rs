//! A fitted profile as a TOML file in the form of the built-in ones, each figure with its evidence.

use super::fit::{KINDS, TargetFit};
use super::law::{LawEstimate, LawSource};
use crate::text::fine_ms;
use neon_mock::profile::{LawName, WireCall, WireEdits, WireEvidence, WireLaw, WireQuantiles};
use std::fmt::Write as _;
use std::time::Duration;

impl TargetFit {
    /// The point estimate as a commented TOML file. `origin` names the data that it was fitted to.
    pub fn to_toml(&self, origin: &str) -> String {
        let wire = self.wire();
        let mut text =
            format!("# Fitted by neonbench to {} calls: {}.\n", self.calls, line(origin));
        text.push_str("# An interval in a comment holds the true figure in 90 of 100 such fits.\n");
        for assumed in &self.assumed {
            let _ = writeln!(text, "# Assumed: {assumed}.");
        }
        for not_shown in &self.not_shown {
            let _ = writeln!(text, "# Not known: {not_shown}.");
        }
        let _ = writeln!(text, "schema = 1");
        let _ = writeln!(text, "description = {}\n", quoted(&self.description(origin)));
        let _ = writeln!(text, "[limits]");
        let _ = writeln!(text, "reject_after = {}", duration(wire.limits.reject_after.0));
        if let Some(after) = wire.limits.retry_after {
            let _ = writeln!(text, "retry_after = {}", duration(after.0));
        }
        for (table, limits) in [
            ("endpoints]            # calls in flight that are admitted", &wire.limits.endpoints),
            (
                "endpoints_per_second] # calls per second that are admitted",
                &wire.limits.endpoints_per_second,
            ),
        ] {
            if !limits.is_empty() {
                let _ = writeln!(text, "\n[limits.{table}");
            }
            for (endpoint, limit) in limits {
                let _ = writeln!(text, "{} = {limit}", quoted(endpoint));
            }
        }
        let estimates = self.estimates();
        let _ = writeln!(text, "\n[service]");
        let service = &wire.service;
        let laws = [
            ("get", &service.get, 0),
            ("patch", &service.patch, 1),
            ("put", &service.put, 1),
            ("search", &service.search, 2),
            ("metadata", &service.metadata, 3),
        ];
        for (name, law, place) in laws {
            let _ = writeln!(text, "# {}: {}", KINDS[place].1, estimates[place].in_words());
            let _ = writeln!(text, "{name} = {}", of_law(law));
        }
        if let Some(congestion) = service.congestion {
            let _ = writeln!(
                text,
                "congestion = {{ contention = {:.4}, coherency = {:.4} }}",
                congestion.contention, congestion.coherency
            );
        }
        if let Some(staff) = &wire.staff {
            let _ = writeln!(
                text,
                "\n# Accounts that others changed while the probe lasted; how long they think is assumed.\n\
                 [staff]\nedits_per_s = {:?}\nthink = {}",
                staff.edits_per_s,
                duration(staff.think.0)
            );
        }
        let (failed, calls) = self.failed();
        if !wire.faults.is_empty() {
            let _ =
                writeln!(text, "\n# {failed} of {calls} calls failed; which way was seen of few.");
        }
        for fault in &wire.faults {
            let (Some(kind), Some(share)) = (fault.kind, fault.share) else { continue };
            let kind = quoted(kind.name());
            let _ = writeln!(text, "[[faults]]\nkind = {kind}\nshare = {share:.6}");
        }
        text.push_str(&evidence_text(wire.evidence.as_ref().expect("a fit has evidence")));
        text
    }

    fn description(&self, origin: &str) -> String {
        let calls = self.calls;
        let assumed = if self.assumed.is_empty() {
            String::new()
        } else {
            format!("; assumed: {}", self.assumed.join("; "))
        };
        format!("fitted to {calls} calls ({}){assumed}", line(origin))
    }
}

impl LawEstimate {
    /// `median 251 ms (215 to 292), p99 980 ms (650 to 1900), 24 calls`.
    pub fn in_words(&self) -> String {
        let figure = |ms: f64, [low, high]: [f64; 2]| {
            format!("{} ms ({} to {})", fine_ms(ms), fine_ms(low), fine_ms(high))
        };
        let calls = match (self.source, self.calls) {
            (LawSource::Assumed, _) => "assumed".to_owned(),
            (LawSource::FewCalls, 1) => "1 call, which scatters as reads do".to_owned(),
            (LawSource::FewCalls, calls) => format!("{calls} calls, which scatter as reads do"),
            (LawSource::Measured, calls) => format!("{calls} calls"),
        };
        format!(
            "median {}, p99 {}, {calls}",
            figure(self.median_ms, self.median_ms_interval),
            figure(self.p99_ms, self.p99_ms_interval)
        )
    }
}

fn of_law(law: &WireLaw) -> String {
    let time = |text: Option<neon_mock::file::DurationText>| {
        duration(text.map_or(Duration::ZERO, |text| text.0))
    };
    match law.law {
        LawName::LogNormal => format!(
            "{{ law = \"log-normal\", median = {}, p99 = {} }}",
            time(law.median),
            time(law.p99)
        ),
        LawName::Empirical => {
            let samples = law.samples.iter().flatten().map(|text| duration(text.0));
            let samples: Vec<String> = samples.collect();
            format!("{{ law = \"empirical\", samples = [{}] }}", samples.join(", "))
        }
        _ => format!("{{ law = \"constant\", time = {} }}", time(law.time)),
    }
}

/// The table of the observations.
fn evidence_text(evidence: &WireEvidence) -> String {
    let WireEvidence { digest, looked_for_limits, retry_after, calls, edits, quantiles, .. } =
        evidence;
    let mut text = format!(
        "\n# What the figures above were fitted to. Forecasts draw from it while the digest is that of the\n\
         # figures; once they are changed by hand they are taken as exact.\n\
         [evidence]\ndigest = {}\nlooked_for_limits = {looked_for_limits}\n",
        quoted(digest)
    );
    if let Some(after) = retry_after {
        let _ = writeln!(text, "retry_after = {}", duration(after.0));
    }
    if let Some(WireEdits { accounts, during }) = edits {
        let during = duration(during.0);
        let _ = writeln!(text, "edits = {{ accounts = {accounts}, during = {during} }}");
    }
    if !calls.is_empty() {
        text.push_str("# endpoint, sent at and took in ns, outcome\ncalls = [\n");
        for WireCall(endpoint, sent_ns, took_ns, outcome) in calls {
            let (endpoint, outcome) = (quoted(endpoint), quoted(outcome));
            let _ = writeln!(text, "  [{endpoint}, {sent_ns}, {took_ns}, {outcome}],");
        }
        text.push_str("]\n");
    }
    if !quantiles.is_empty() {
        let WireEvidence { admitted, failed, .. } = evidence;
        let _ = writeln!(text, "admitted = {admitted}\nfailed = {failed}");
    }
    for WireQuantiles { class, p50_ms, p90_ms, calls } in quantiles {
        let class = quoted(class);
        let _ = writeln!(
            text,
            "[[evidence.quantiles]]\nclass = {class}\np50_ms = {p50_ms:?}\np90_ms = {p90_ms:?}\ncalls = {calls}"
        );
    }
    text
}

/// `"251ms 310us"`.
fn duration(time: Duration) -> String {
    quoted(&humantime::format_duration(time).to_string())
}

/// A TOML string: its escapes are those of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `text` on one line, for a comment.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
