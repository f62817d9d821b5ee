//! What a brake holds: the form that lets it pass or discards it. Pure.

use maud::{Markup, html};
use shared::redrive;

use super::markup::{Doing, Shown, path};

/// What the brake holds, and the two ways on.
pub(super) fn deciding(shown: &Shown) -> Markup {
    let note = shown.typed.note_of(Doing::Decide).unwrap_or_default();
    html! {
        section.card aria-labelledby="brake" {
            header { h2 id="brake" { "Was it meant?" } }
            div.body {
                @if shown.may_decide {
                    form.tight method="post" action=(format!("{}/brake", path(shown.error))) {
                        input type="hidden" name="state" value=(shown.state);
                        p.small { "Either is about this account alone, and about what had happened until now. It is carried out within a minute or two, and cannot be taken back." }
                        label for="brake-note" { "Why" }
                        input type="text" id="brake-note" name="note" value=(note) required maxlength=(redrive::REASON_MAX) autocomplete="off";
                        div {
                            button name="decision" value="discard" { "It was not: discard it" }
                            " "
                            button.danger name="decision" value="pass" { "It was meant: let it pass" }
                        }
                    }
                } @else {
                    p.small { "Nothing of it is told until an admin of this account has decided." }
                }
            }
        }
    }
}
