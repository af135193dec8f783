import LosslessJSON
import Testing

@Suite("Members by names in any case")
struct AnyCaseTests {
    @Test("are found, the last one of several, and nothing else is")
    func lookup() throws {
        let json = try JSON(parsing: #"{"err":1,"ERR":2,"Errx":3,"[@":4,"ÄRR":5}"#)
        #expect(json[anyCase: "Err"] == 2)
        #expect(json[anyCase: "errX"] == 3)
        #expect(json[anyCase: "{`"].isNull)
        #expect(json[anyCase: "Er"].isNull)
        #expect(JSON.null[anyCase: "Err"].isNull)
    }
}
