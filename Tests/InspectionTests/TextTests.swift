import Model
import Testing

@testable import Inspection

@Suite("Times and texts")
struct TextTests {
    @Test(
        "A moment is written as ISO 8601 in UTC",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"), (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (1_790_000_000_123, "2026-09-21T14:13:20.123Z"),
        ])
    func iso8601(milliseconds: Int, text: String) {
        #expect(Timestamp(milliseconds: milliseconds).iso8601 == text)
    }

    @Test(
        "A span is told in its largest unit",
        arguments: [
            (0, "0 s"), (119_999, "119 s"), (120_000, "2 min"), (7_200_000, "2 h"), (172_800_000, "2 d"), (-5, "0 s"),
        ])
    func spans(milliseconds: Int, text: String) {
        let now = Fixture.now
        #expect(Span(since: now - .milliseconds(milliseconds), to: now).words == text)
    }

    @Test("What is to come is never in 0 s")
    func future() {
        let now = Fixture.now
        #expect(Span(until: now + .milliseconds(1), from: now).short == "1s")
        #expect(Span(until: now + .milliseconds(2400), from: now).words == "3 s")
    }

    @Test("A text is cut to columns, not to bytes")
    func cut() {
        #expect("naïveté".cut(to: 7) == "naïveté")
        #expect("naïveté".cut(to: 5) == "naïv…")
        #expect("漢字漢字".columns == 8)
        #expect("漢字漢字".cut(to: 6) == "漢字…")
        #expect("漢字漢字".cut(to: 1) == "…")
        #expect("x".cut(to: 0) == "")
    }

    @Test(
        "Letters and pictures that are wide take two columns",
        arguments: [
            ("a", 1), ("é", 1), ("ᄀ", 2), ("⌚", 2), ("⏳", 2), ("⚡", 2), ("✅", 2), ("❌", 2), ("⭐", 2), ("🀄", 2),
            ("🆗", 2),
            ("🈁", 2), ("🟢", 2), ("🥶", 2), ("🫠", 2), ("🚀", 2), ("❤️", 2), ("❤", 1), ("→", 1), ("…", 1), ("☎", 1),
            ("1️⃣", 2), ("🇩🇪", 2),
        ])
    func wide(text: String, columns: Int) {
        #expect(text.columns == columns)
    }

    @Test("Far moments are reckoned with up to the last, and from the first")
    func farMoments() {
        let first = Timestamp(milliseconds: .min)
        let last = Timestamp(milliseconds: .max)
        #expect(last + .seconds(1) == last && last - .seconds(-1) == last)
        #expect(first - .seconds(1) == first && first + .seconds(-1) == first)
        #expect(last - first > .seconds(1 << 53) && first - last < .zero)
        #expect((last - first).inMilliseconds == .max && (first - last).inMilliseconds == .min)
        #expect(first + (last - first) == Timestamp(milliseconds: -1))
        #expect(Span(since: first, to: last).words == "213503982334 d" && Span(until: first, from: last).words == "0 s")
    }

    @Test("In JSON what a terminal would obey is written by its number")
    func jsonWithoutControls() {
        let text = "\"a\u{7F}\u{85}\u{9B}ä\u{200E}\u{202E}→\u{2066}\u{2069}\""
        #expect(
            text.jsonWithoutControls == #""a\u007f\u0085\u009bä\u200e\u202e→\u2066\u2069""#)
        #expect(#"{"a":"b"}"#.jsonWithoutControls == #"{"a":"b"}"#)
    }

    @Test("A text is wrapped between words, and within one that is too long")
    func wrap() {
        #expect("one two three".wrapped(to: 7) == ["one two", "three"])
        #expect("abcdefghij k".wrapped(to: 4) == ["abcd", "efgh", "ij k"])
        #expect("".wrapped(to: 4) == [""])
    }
}
