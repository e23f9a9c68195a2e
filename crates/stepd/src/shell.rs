//! `stepd completion` and `stepd man`: what shells and readers of manuals want to know of the commands.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{Arguments, print};

/// Options of `stepd completion`.
#[derive(clap::Args)]
#[command(after_help = "bash:  eval \"$(stepd completion bash)\"\n\
                        zsh:   stepd completion zsh > \"${fpath[1]}/_stepd\"\n\
                        fish:  stepd completion fish > ~/.config/fish/completions/stepd.fish")]
pub struct CompletionArguments {
    /// The shell
    shell: Shell,
}

/// Prints the script that completes commands and options.
pub fn completion(arguments: &CompletionArguments) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "stepd",
        &mut script,
    );
    print::out(&String::from_utf8(script)?)
}

/// Options of `stepd man`.
#[derive(clap::Args)]
#[command(after_help = "Read it with:  stepd man | man -l -")]
pub struct ManArguments {
    /// A command, such as `task list`; all of stepd when absent
    command: Vec<String>,
}

/// Prints the manual page of stepd or of one of its commands.
pub fn man(arguments: &ManArguments) -> anyhow::Result<()> {
    let mut command = Arguments::command();
    command.build();
    for name in &arguments.command {
        let found = command.find_subcommand(name).cloned();
        command = found.ok_or_else(|| anyhow::anyhow!("there is no command {name}"))?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    print::out(&String::from_utf8(page)?)
}
