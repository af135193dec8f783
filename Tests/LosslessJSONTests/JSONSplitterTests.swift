import LosslessJSON
import Testing

@Suite("A stream of JSON values")
struct JSONSplitterTests {
    private static let stream = #"""
        {"status":"Pulling","id":"ü😀\"}{"} {"a":{"b":[1,2,{"c":"]"}]}}
        [1,[2]]{"x":"\\"}{"y":"\\\""}
        """#
    private static let values: [JSON] = [
        ["status": "Pulling", "id": "ü😀\"}{"], ["a": ["b": [1, 2, ["c": "]"]]]], [1, [2]], ["x": "\\"], ["y": "\\\""],
    ]

    @Test("is cut the same wherever a chunk ends")
    func everyBorder() throws {
        let bytes = Array(Self.stream.utf8)
        for border in 0...bytes.count {
            var splitter = JSONSplitter()
            let values = try splitter.append(bytes[..<border]) + splitter.append(bytes[border...])
            #expect(values == Self.values, "cut at \(border)")
            #expect(!splitter.isInsideValue)
        }
    }

    @Test("is cut the same byte by byte")
    func singleBytes() throws {
        var splitter = JSONSplitter()
        var values: [JSON] = []
        for byte in Self.stream.utf8 { values += try splitter.append(CollectionOfOne(byte)) }
        #expect(values == Self.values)
    }

    @Test("is known to be cut off in the middle of a value")
    func cutOff() throws {
        var splitter = JSONSplitter()
        #expect(try splitter.append(#"{"a":1}{"b"#.utf8) == [["a": 1]])
        #expect(splitter.isInsideValue)
        #expect(try splitter.append("\":2} \n".utf8) == [["b": 2]])
        #expect(!splitter.isInsideValue)
    }

    @Test("is refused when a value is larger than allowed, however it comes")
    func limit() throws {
        let value = Array("[\"\(String(repeating: "x", count: 20))\"]".utf8)
        var fits = JSONSplitter(limit: value.count)
        #expect(try fits.append(value + value).count == 2)
        var tooSmall = JSONSplitter(limit: value.count - 1)
        #expect(throws: JSONError.self) { try tooSmall.append(value) }
    }

    @Test("is refused when it is no JSON", arguments: ["x", "}", "]", "\"text\"", "1", "{]", "[}", "{\"a\":x}"])
    func garbage(text: String) {
        var splitter = JSONSplitter()
        #expect(throws: JSONError.self) { try splitter.append(text.utf8) }
    }
}
