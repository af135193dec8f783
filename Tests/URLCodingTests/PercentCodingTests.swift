import Testing
import URLCoding

@Suite("Parts of URLs")
struct PercentCodingTests {
    @Test(
        "are decoded from two hexadecimal digits and nothing else",
        arguments: [
            ("a%20b", "a b"), ("%C3%A4", "ä"), ("x%+a", "x%+a"), ("x%-1", "x%-1"), ("%4", "%4"), ("%", "%"),
            ("%zz%41", "%zzA"), ("%6a%4B", "jK"), ("a+b", "a+b"),
        ])
    func percent(text: String, expected: String) {
        #expect(PercentCoding.decoded(text) == expected)
        #expect(PercentCoding.decoded(PercentCoding.encoded(text)) == text)
    }

    @Test("are encoded but for what is to stay")
    func keeping() {
        #expect(PercentCoding.encoded("a-Z_0.9~ /:@%ä") == "a-Z_0.9~%20%2F%3A%40%25%C3%A4")
        #expect(PercentCoding.encoded("a/b:c@d?e", keeping: "/:@") == "a/b:c@d%3Fe")
    }

    @Test("have blanks as plus signs in a query")
    func plus() { #expect(PercentCoding.decoded("a+b%2B%+a", plusIsBlank: true) == "a b+% a") }
}
