import java.net.Authenticator;
import java.net.PasswordAuthentication;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

/** Java's own challenge login: HttpClient asks its Authenticator after a 401 that names its scheme. */
class Login {
    public static void main(String[] args) throws Exception {
        Authenticator credentials = new Authenticator() {
            @Override
            protected PasswordAuthentication getPasswordAuthentication() {
                return new PasswordAuthentication(args[1], args[2].toCharArray());
            }
        };
        HttpClient client = HttpClient.newBuilder().authenticator(credentials).build();
        var request = HttpRequest.newBuilder(URI.create(args[0] + "/accounts/1")).build();
        var answer = client.send(request, BodyHandlers.ofString());
        if (answer.statusCode() != 200 || !answer.body().contains("\"individualAccount\"")) {
            throw new AssertionError(answer.statusCode() + " " + answer.body());
        }
    }
}
