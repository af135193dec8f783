import LosslessJSON
import Testing

@Suite("A JSON value")
struct JSONTests {
    @Test(
        "comes out as it went in",
        arguments: [
            "9007199254740993", "-9223372036854775809", "123456789012345678901234567890", "1e400", "1.50", "-0",
            "0.1e-7",
            "1E+3", "null", "true", "false", "[]", "{}", #""""#, #"{"b":1,"a":2,"c":{"z":[1,[2]],"y":null}}"#,
            #"{"a":1,"a":2}"#, #""grüße 😀""#, #""a\"b\\c\n\r\t\u0000""#,
        ])
    func roundTrip(text: String) throws {
        #expect(try JSON(parsing: text).encodedText == text)
    }

    @Test("loses white space only")
    func whitespace() throws {
        #expect(try JSON(parsing: " \n{ \"a\" :\t[ 1 , 2 ] } \r\n").encodedText == #"{"a":[1,2]}"#)
    }

    @Test("reads the same indented as compact")
    func pretty() throws {
        let value: JSON = ["a": [1, ["b": nil]], "empty": [], "none": [:], "text": "x\"y"]
        #expect(try JSON(parsing: value.prettyText) == value)
    }

    @Test("keeps both of two equal keys and answers with the last")
    func duplicateKeys() throws {
        let value = try JSON(parsing: #"{"a":1,"b":2,"a":3}"#)
        #expect(value["a"] == 3)
        #expect(value.object?.keys == ["a", "b", "a"])
    }

    @Test("undoes every escape")
    func escapes() throws {
        #expect(try JSON(parsing: #""\"\\\/\b\f\n\r\t\u0041\u00fc\u20AC""#) == "\"\\/\u{8}\u{c}\n\r\tAü€")
    }

    @Test(
        "puts surrogates together and replaces lone halves",
        arguments: [
            (#""\ud83d\ude00""#, "😀"), (#""\ud83d""#, "\u{FFFD}"), (#""\ude00x""#, "\u{FFFD}x"),
            (#""\ud83dx""#, "\u{FFFD}x"), (#""\ud83d\n""#, "\u{FFFD}\n"), (#""\ud83d\u0041""#, "\u{FFFD}A"),
            (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
        ])
    func surrogates(text: String, expected: String) throws {
        #expect(try JSON(parsing: text) == .string(expected))
    }

    @Test("repairs broken UTF-8 in a text")
    func brokenUTF8() throws {
        #expect(try JSON(parsing: [0x22, 0x61, 0xFF, 0x62, 0x22]) == "a\u{FFFD}b")
    }

    @Test(
        "is not made of what is no JSON",
        arguments: [
            "", " ", "{", "[", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "01", "1.", "-",
            "+1",
            ".5", "1e", "1e+", "tru", "nul", "falsy", "\"", "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"",
            "\"\n\"",
            "1 2", "[] x", "'a'", "NaN", "[1 2]", "{\"a\":1 \"b\":2}", "\u{FEFF}1",
        ])
    func refusals(text: String) {
        #expect(throws: JSONError.self) { try JSON(parsing: text) }
    }

    @Test("says where reading stopped")
    func errorOffset() {
        do {
            _ = try JSON(parsing: "[1,x]")
            Issue.record("an error expected")
        } catch {
            #expect(error.offset == 3)
            #expect("\(error)".hasSuffix("at byte 3"))
        }
    }

    @Test("may be nested to the limit and no further")
    func depth() throws {
        func nested(_ depth: Int, _ open: String, _ close: String) -> String {
            String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
        }
        for (open, close) in [("[", "]"), (#"{"a":"#, "}")] {
            let deepest = nested(JSON.maximumDepth, open, close)
            #expect(try JSON(parsing: deepest).encodedText == deepest)
            #expect(throws: JSONError.self) { try JSON(parsing: nested(JSON.maximumDepth + 1, open, close)) }
            #expect(throws: JSONError.self) { try JSON(parsing: String(repeating: open, count: 100_000)) }
        }
    }

    @Test("can be read from the start of a longer text")
    func prefix() throws {
        #expect(try JSON(parsingPrefixOf: Array(#" {"a":1} and more"#.utf8)) == ["a": 1])
    }

    @Test("reads numbers as texts and texts as numbers")
    func leniency() throws {
        let value = try JSON(parsing: #"{"n":12,"t":"12","f":1.9,"big":1e30,"no":"x","b":true,"bt":"false","e":""}"#)
        #expect(value["n"].text == "12")
        #expect(value["t"].integer == 12)
        #expect(value["f"].integer == 1)
        #expect(value["big"].integer == nil)
        #expect(value["no"].integer == nil)
        #expect(value["t"].double == 12)
        #expect(value["b"].boolean == true)
        #expect(value["bt"].boolean == false)
        #expect(value["n"].boolean == true)
        #expect(value["no"].boolean == nil)
        #expect(value["e"].nonEmptyText == nil)
        #expect(value["missing"].isNull)
        #expect(value["n"]["deeper"].isNull)
        #expect(value[3].isNull)
    }

    @Test("changes a member in its place")
    func members() {
        var object = JSONObject([.init(key: "a", value: 1), .init(key: "b", value: 2)])
        object["a"] = 3
        object["c"] = 4
        object["b"] = nil
        #expect(JSON.object(object).encodedText == #"{"a":3,"c":4}"#)
        #expect(object.count == 2)
    }

    @Test("is written of maps in the same order always")
    func maps() {
        #expect(JSON(["b": "2", "a": "1"]).encodedText == #"{"a":"1","b":"2"}"#)
        #expect(JSON(["x", "y"]).encodedText == #"["x","y"]"#)
        #expect(JSON(nil as String?) == .null)
    }
}
