//! How a command ends: the exit codes, and the error that carries one.

use std::fmt;

/// The process's exit codes (the numbers are those of BSD's `sysexits.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Exit {
    /// 0: all went well.
    Done = 0,
    /// 64: the command line asks for something that cannot be asked for.
    Usage = 64,
    /// 65: the configuration, or an event that was to be sent, is not valid.
    Data = 65,
    /// 70: heddle itself failed.
    Internal = 70,
    /// 74: a file, a port or the other end of a connection failed.
    Io = 74,
}

/// Why a command failed, in words for the person who typed it.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    error: anyhow::Error,
}

/// What every command returns.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// Gives an error the exit code that it stands for.
pub(crate) trait OrExit<T> {
    /// Ends with `exit` when this is an error.
    fn or_exit(self, exit: Exit) -> Outcome<T>;
}

impl Failure {
    /// A failure that `message` tells in full: what went wrong and what to do next.
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self {
            exit,
            error: anyhow::Error::msg(message.to_string()),
        }
    }

    /// Tells the person on standard error and answers the exit code.
    pub(crate) fn report(&self) -> Exit {
        eprintln!("heddle: {self}");
        self.exit
    }

    /// The exit code.
    #[cfg(test)]
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Failure {
    /// The message and its causes on one line; many errors tell their cause themselves, and are not told it again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.error.to_string();
        f.write_str(&said)?;
        for cause in self.error.chain().skip(1).map(ToString::to_string) {
            if !said.contains(&cause) {
                write!(f, ": {cause}")?;
                said = cause;
            }
        }
        Ok(())
    }
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Outcome<T> {
        self.map_err(|error| Failure {
            exit,
            error: error.into(),
        })
    }
}

#[cfg(test)]
mod tests;
