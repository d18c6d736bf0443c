//! A command line of options with values, `--rate 1000`, flags, `--tcp`, and words.

use std::str::FromStr;

/// What is left of a command line.
pub struct Arguments(Vec<String>);

impl Arguments {
    /// The process's own.
    pub fn of_process() -> Arguments {
        Arguments(std::env::args().skip(1).collect())
    }

    /// Takes a flag and says whether it was there.
    pub fn flag(&mut self, name: &str) -> bool {
        let place = self.0.iter().position(|word| word == name);
        place.map(|place| self.0.remove(place)).is_some()
    }

    /// Takes an option's value.
    ///
    /// # Errors
    ///
    /// It has none, or not one of that type.
    pub fn option<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, String> {
        let Some(place) = self.0.iter().position(|word| word == name) else { return Ok(None) };
        let mut taken = self.0.drain(place..(place + 2).min(self.0.len())).skip(1);
        let value = taken.next().ok_or_else(|| format!("{name} needs a value"))?;
        value.parse().map(Some).map_err(|_| format!("{name} cannot be {value}"))
    }

    /// As [`Arguments::option`] for one that has to be there.
    ///
    /// # Errors
    ///
    /// It is not there, too.
    pub fn needed<T: FromStr>(&mut self, name: &str) -> Result<T, String> {
        self.option(name)?.ok_or_else(|| format!("{name} is missing"))
    }

    /// Takes the first word.
    ///
    /// # Errors
    ///
    /// There is none; `what` says what it would be.
    pub fn word(&mut self, what: &str) -> Result<String, String> {
        match self.0.is_empty() {
            true => Err(format!("{what} is missing")),
            false => Ok(self.0.remove(0)),
        }
    }

    /// Sees that nothing is left.
    ///
    /// # Errors
    ///
    /// What is left.
    pub fn done(self) -> Result<(), String> {
        match self.0.first() {
            None => Ok(()),
            Some(word) => Err(format!("{word} is not known here")),
        }
    }
}
