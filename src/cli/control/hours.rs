//! Quiet hours: times of this machine's day within which a run is paused.

use jiff::ZonedDateTime;
use jiff::civil::Time;
use std::fmt;

/// Hours of a day, from the first until the second; the next day's, if that is earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct QuietHours {
    from: Time,
    until: Time,
}

impl QuietHours {
    /// The hours that `text` names, such as `08:00-18:00`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let expected = || "expected two times of the day, such as 08:00-18:00".to_owned();
        let (from, until) = text.split_once('-').ok_or_else(expected)?;
        let time = |text: &str| {
            let (hour, minute) = text.trim().split_once(':').ok_or_else(expected)?;
            let is_number = |it: &str| it.len() == 2 && it.bytes().all(|it| it.is_ascii_digit());
            let number = |text: &str| match text.parse::<i8>() {
                Ok(number) if is_number(text) => Ok(number),
                _ => Err(expected()),
            };
            // Midnight is the end of a day, too.
            let hour = if (hour, minute) == ("24", "00") { 0 } else { number(hour)? };
            Time::new(hour, number(minute)?, 0, 0).map_err(|_| expected())
        };
        let hours = Self { from: time(from)?, until: time(until)? };
        if hours.from == hours.until {
            return Err("these hours are the whole day, or none of it".to_owned());
        }
        Ok(hours)
    }

    /// The end of the hours, if `now` is within them.
    fn hold(self, now: Time) -> Option<String> {
        let is_within = if self.from < self.until {
            self.from <= now && now < self.until
        } else {
            now >= self.from || now < self.until
        };
        is_within.then(|| minute(self.until))
    }

    /// The same by this machine's clock.
    pub(super) fn hold_now(self) -> Option<String> {
        self.hold(ZonedDateTime::now().time())
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", minute(self.from), minute(self.until))
    }
}

fn minute(time: Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

/// The time of this machine's day, such as `14:02`.
pub(in crate::cli) fn local_minute() -> String {
    minute(ZonedDateTime::now().time())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_may_pass_midnight() {
        let until = |hours: &str, hour, minute| {
            QuietHours::parse(hours).unwrap().hold(Time::new(hour, minute, 30, 0).unwrap())
        };
        let of_day = Some("18:00".to_owned());
        assert_eq!(until("08:00-18:00", 7, 59), None);
        assert_eq!(until("08:00-18:00", 8, 0), of_day);
        assert_eq!(until("08:00-18:00", 17, 59), of_day);
        assert_eq!(until("08:00-18:00", 18, 0), None);
        let of_night = Some("06:30".to_owned());
        assert_eq!(until("22:00-06:30", 23, 0), of_night);
        assert_eq!(until("22:00-06:30", 6, 29), of_night);
        assert_eq!(until("22:00-06:30", 12, 0), None);
        assert_eq!(until("20:00-24:00", 23, 59), Some("00:00".to_owned()));
        for wrong in
            ["", "08:00", "8-18", "08:00-08:00", "25:00-26:00", "08:60-09:00", "+8:00-09:00"]
        {
            assert!(QuietHours::parse(wrong).is_err(), "{wrong}");
        }
    }
}
