//! The live view: the terminal while it is ours, and the keys.

use std::io::{Stdout, Write as _, stdout};
use std::time::Instant;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, poll, read};
use crossterm::{cursor, execute, queue, style, terminal};

use super::{INTERVAL, Watched, is_closed, view};
use crate::client::Client;
use crate::print::{self, Paint};

/// The terminal, ours until this is dropped, however that comes.
struct Screen(Stdout);

impl Screen {
    fn take() -> anyhow::Result<Self> {
        terminal::enable_raw_mode()?;
        let mut screen = Self(stdout());
        execute!(screen.0, terminal::EnterAlternateScreen, cursor::Hide)?;
        Ok(screen)
    }

    fn draw(&mut self, lines: &[String], from: usize) -> anyhow::Result<()> {
        let (columns, rows) = terminal::size()?;
        let rows = usize::from(rows);
        queue!(self.0, cursor::MoveTo(0, 0))?;
        let shown = lines.iter().skip(from).take(rows.saturating_sub(1));
        for (row, line) in (0u16..).zip(shown) {
            queue!(self.0, cursor::MoveTo(0, row))?;
            queue!(self.0, terminal::Clear(terminal::ClearType::CurrentLine))?;
            // Longer lines are cut by the terminal, which counts colours for nothing.
            queue!(
                self.0,
                terminal::DisableLineWrap,
                style::Print(print::plain(line))
            )?;
        }
        queue!(self.0, terminal::Clear(terminal::ClearType::FromCursorDown))?;
        let keys = "q quits, ↑ ↓ scroll";
        if usize::from(columns) > keys.len() {
            queue!(
                self.0,
                cursor::MoveTo(0, (rows.saturating_sub(1)) as u16),
                terminal::Clear(terminal::ClearType::CurrentLine),
                style::Print(Paint::for_output().faint(keys))
            )?;
        }
        self.0.flush()?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The terminal may be gone; there is nobody left to be told.
        let _ = execute!(
            self.0,
            terminal::EnableLineWrap,
            cursor::Show,
            terminal::LeaveAlternateScreen
        );
        let _ = terminal::disable_raw_mode();
    }
}

/// What a key asks for.
enum Wish {
    Quit,
    Scroll(isize),
    Nothing,
}

fn wish(key: KeyEvent) -> Wish {
    if key.kind == KeyEventKind::Release {
        return Wish::Nothing;
    }
    match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Wish::Quit,
        KeyCode::Char('q') | KeyCode::Esc => Wish::Quit,
        KeyCode::Down | KeyCode::Char('j') => Wish::Scroll(1),
        KeyCode::Up | KeyCode::Char('k') => Wish::Scroll(-1),
        KeyCode::PageDown | KeyCode::Char(' ') => Wish::Scroll(10),
        KeyCode::PageUp => Wish::Scroll(-10),
        KeyCode::Home => Wish::Scroll(isize::MIN / 2),
        KeyCode::End => Wish::Scroll(isize::MAX / 2),
        _ => Wish::Nothing,
    }
}

/// Shows the execution until it ends (then true) or the person has seen enough (then false).
pub fn show(client: &Client, watched: &mut Watched) -> anyhow::Result<bool> {
    let mut screen = Screen::take()?;
    let (paint, mut from) = (Paint::for_output(), 0usize);
    loop {
        watched.refresh(client)?;
        if is_closed(&watched.described) {
            return Ok(true);
        }
        let asked_at = Instant::now();
        loop {
            let (columns, rows) = terminal::size()?;
            let lines = view(watched, usize::from(columns), paint);
            let last = lines
                .len()
                .saturating_sub(usize::from(rows).saturating_sub(1));
            from = from.min(last);
            screen.draw(&lines, from)?;
            if !poll(INTERVAL.saturating_sub(asked_at.elapsed()))? {
                break;
            }
            if let Event::Key(key) = read()? {
                match wish(key) {
                    Wish::Quit => return Ok(false),
                    Wish::Scroll(by) => from = from.saturating_add_signed(by),
                    Wish::Nothing => {}
                }
            }
        }
    }
}
