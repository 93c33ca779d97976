//! What steps aside.

use clap::Args;

/// Whose requests it is about.
#[derive(Debug, Args)]
pub struct Whose {
    /// Whose requests. Default: whoever asks.
    #[arg(long, value_name = "MEMBER")]
    pub member: Option<String>,
    /// Those of this device alone.
    #[arg(long, value_name = "D")]
    pub device: Option<String>,
}

/// Let something by.
#[derive(Debug, Args)]
pub struct Allow {
    /// The edit that is not to happen here again, as FLOW/e1; a blocked flow's id is enough.
    #[arg(required_unless_present_any = ["list", "remove", "inspect"])]
    pub edit: Option<String>,
    /// Whose requests.
    #[command(flatten)]
    pub whose: Whose,
    /// How long: once, always, or a time such as 5m or 1h. Default: always; once where a real value is shown.
    #[arg(long = "for", value_name = "SPAN")]
    pub span: Option<String>,
    /// Let the vendor see a real value: needed where the edit is of one.
    #[arg(long)]
    pub real: bool,
    /// What is let by now, and what passes uninspected because inspection did not work there.
    #[arg(long, conflicts_with_all = ["edit", "remove", "inspect", "device", "span", "real"])]
    pub list: bool,
    /// Inspect a host again that passes uninspected.
    #[arg(long, value_name = "HOST", conflicts_with_all = ["edit", "remove", "device", "span", "real"])]
    pub inspect: Option<String>,
    /// Take one back.
    #[arg(long, value_name = "ID", conflicts_with_all = ["edit", "device", "span", "real"])]
    pub remove: Option<i64>,
}

/// Have trackers and terms step aside for a while.
#[derive(Debug, Args)]
pub struct Pause {
    /// At this vendor and on its pages alone: its name, or one of its hosts.
    #[arg(long, value_name = "V")]
    pub vendor: Option<String>,
    /// Whose requests.
    #[command(flatten)]
    pub whose: Whose,
    /// How long, 24h at the most. Default: 10m.
    #[arg(long = "for", value_name = "SPAN")]
    pub span: Option<String>,
    /// Let the vendor see real values, too.
    #[arg(long, requires = "vendor")]
    pub identity: bool,
    /// Go on as before.
    #[arg(long, conflicts_with_all = ["vendor", "device", "span", "identity"])]
    pub off: bool,
}
