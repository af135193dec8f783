import LosslessJSON
import Model
import NIOCore
import Testing

@testable import RancherAPI

@Suite("A message of the websocket")
struct MessageAssemblyTests {
    private func buffer(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }

    @Test("is put together from any number of fragments, cut anywhere")
    func fragments() {
        let text = #"{"a":"grüße 😀"}"#
        let bytes = Array(text.utf8)
        for size in 1...bytes.count {
            var assembler = MessageAssembler(messageLimitBytes: 1000, skimLimitBytes: 2000)
            for start in stride(from: 0, to: bytes.count, by: size) {
                let end = min(start + size, bytes.count)
                let message = assembler.append(
                    ByteBuffer(bytes: bytes[start..<end]), start == 0 ? .first : .next, isLast: end == bytes.count)
                #expect(message == (end == bytes.count ? .text(text) : nil))
            }
        }
    }

    @Test("may be followed by another one")
    func sequence() {
        var assembler = MessageAssembler(messageLimitBytes: 10, skimLimitBytes: 20)
        #expect(assembler.append(buffer("a"), .first, isLast: true) == .text("a"))
        #expect(assembler.append(buffer(""), .first, isLast: false) == nil)
        #expect(assembler.append(buffer("b"), .next, isLast: true) == .text("b"))
        #expect(assembler.append(buffer(""), .first, isLast: true) == .text(""))
    }

    @Test("has broken UTF-8 repaired")
    func broken() {
        var assembler = MessageAssembler(messageLimitBytes: 10, skimLimitBytes: 20)
        #expect(
            assembler.append(ByteBuffer(bytes: [0x61, 0xFF, 0xC3]), .first, isLast: true) == .text("a\u{FFFD}\u{FFFD}"))
    }

    @Test("cannot begin inside another or go on without a beginning")
    func violations() {
        var assembler = MessageAssembler(messageLimitBytes: 10, skimLimitBytes: 20)
        #expect(assembler.append(buffer("a"), .next, isLast: true) == .violation("a continuation of nothing"))
        #expect(assembler.append(buffer("a"), .first, isLast: false) == nil)
        #expect(assembler.append(buffer("a"), .first, isLast: true) == .violation("a message inside a message"))
    }

    @Test("is skimmed beyond the first limit and given up beyond the second, in one piece or many")
    func limits() {
        let envelope = #"{"id":"e","name":"n","replyTo":"r","data":"#
        let header = EventHeader(id: "e", name: "n", replyTo: "r", resourceID: nil, resourceType: nil)
        let full = envelope + "\"" + String(repeating: "x", count: 200) + "\"}"
        for size in [1, 7, 50, 100, 1000] {
            let bytes = Array(full.utf8)
            func outcome(messageLimit: Int, skimLimit: Int) -> MessageAssembler.Message? {
                var assembler = MessageAssembler(messageLimitBytes: messageLimit, skimLimitBytes: skimLimit)
                for start in stride(from: 0, to: bytes.count, by: size) {
                    let end = min(start + size, bytes.count)
                    let message = assembler.append(
                        ByteBuffer(bytes: bytes[start..<end]), start == 0 ? .first : .next, isLast: end == bytes.count)
                    if let message { return message }
                }
                return nil
            }
            #expect(outcome(messageLimit: bytes.count, skimLimit: 1000) == .text(full))
            #expect(outcome(messageLimit: bytes.count - 1, skimLimit: bytes.count) == .oversized(header))
            #expect(outcome(messageLimit: 10, skimLimit: bytes.count) == .oversized(header))
            #expect(outcome(messageLimit: 10, skimLimit: bytes.count - 1) == .excessive)
        }
    }

    @Test(
        "tells whom to answer, wherever that stands in it",
        arguments: [
            (
                #"{"d":{"id":"no","x":[{"replyTo":"no"}]},"id":"e","name":"n","replyTo":"r","resourceId":"1i2","resourceType":"t"}"#,
                true
            ),
            (
                #" { "id" : "e" , "name" : "n" , "replyTo" : "r" , "resourceId":"1i2", "resourceType":"t","z":"\"},{" } "#,
                true
            ),
            (
                #"{"id":"\u0065","name":"n","replyTo":"r","resourceId":"1i2","resourceType":"t","id2":"x","x":"id"}"#,
                true
            ),
            (#"{"x":["id",":","{"],"id":"e","resourceType":"t","resourceId":"1i2","replyTo":"r","name":"n"}"#, true),
            (#"{"id":"e","replyTo":"r"}"#, false), (#"{"id":null,"name":"n"}"#, false),
            (#"[{"id":"e","name":"n"}]"#, false),
            (#""id","e""#, false), ("", false), (#"{"id":{"id":"e"},"name":["n"]}"#, false), ("}}]]{{", false),
        ])
    func skim(text: String, isFound: Bool) {
        var skimmer = EnvelopeSkimmer()
        for byte in text.utf8 { skimmer.append(CollectionOfOne(byte)) }
        let expected = EventHeader(id: "e", name: "n", replyTo: "r", resourceID: "1i2", resourceType: "t")
        #expect(skimmer.header == (isFound ? expected : nil))
    }

    @Test("does not keep an endless name or value")
    func longFields() {
        var skimmer = EnvelopeSkimmer()
        let long = String(repeating: "y", count: 5000)
        skimmer.append(#"{"\#(long)":1,"resourceId":"\#(long)","id":7,"name":"n"}"#.utf8)
        #expect(
            skimmer.header == EventHeader(id: "7", name: "n", replyTo: nil, resourceID: nil, resourceType: nil))
    }
}
